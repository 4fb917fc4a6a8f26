/// Walks over the fields of a protobuf message (protobuf.dev, "Encoding"), without making values.
struct ProtobufFields {
    struct Field {
        let number: UInt64
        /// Of a number; 0 for anything else.
        let value: UInt64
        /// Of text, bytes or a message; empty for anything else.
        let range: Range<Int>
    }

    private(set) var position = 0

    /// The next field; nil if the message is malformed.
    mutating func next(_ bytes: Span<UInt8>) -> Field? {
        guard let tag = varint(bytes) else { return nil }
        switch tag & 7 {
        case 0:
            guard let value = varint(bytes) else { return nil }
            return Field(number: tag >> 3, value: value, range: 0..<0)
        case 1: return skip(8, tag, bytes)
        case 2:
            guard let length = varint(bytes), length <= UInt64(bytes.count - position) else { return nil }
            let start = position
            position += Int(length)
            return Field(number: tag >> 3, value: 0, range: start..<position)
        case 5: return skip(4, tag, bytes)
        default: return nil
        }
    }

    private mutating func skip(_ length: Int, _ tag: UInt64, _ bytes: Span<UInt8>) -> Field? {
        guard bytes.count - position >= length else { return nil }
        position += length
        return Field(number: tag >> 3, value: 0, range: 0..<0)
    }

    private mutating func varint(_ bytes: Span<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
