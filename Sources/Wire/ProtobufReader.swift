/// Walks through the fields of a message in the protobuf encoding. Never reads outside of its bytes; stops at the first thing
/// that is no field.
public struct ProtobufReader {
    public struct Field {
        public let number: UInt64
        /// Of a length-delimited field.
        public let content: Range<Int>?
        /// Of a varint, fixed64 or fixed32 field; 0 otherwise.
        public let number64: UInt64
    }

    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private let end: Int
    private var isBroken = false

    /// The bytes must outlive the reader.
    public init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = min(range?.upperBound ?? bytes.count, bytes.count)
    }

    /// Whether everything was read and was well-formed.
    public var isAtEnd: Bool { !isBroken && position == end }

    /// The next field; nil at the end, or where no field begins.
    public mutating func next() -> Field? {
        guard position < end, let tag = varint() else { return nil }
        switch tag & 7 {
        case 0:
            guard let value = varint() else { return nil }
            return Field(number: tag >> 3, content: nil, number64: value)
        case 1: return fixed(8, tag)
        case 2:
            guard let length = varint(), length <= UInt64(end - position) else { return broken() }
            defer { position += Int(length) }
            return Field(number: tag >> 3, content: position..<(position + Int(length)), number64: 0)
        case 5: return fixed(4, tag)
        default: return broken()
        }
    }

    /// The next base 128 varint; nil at the end, or where none is.
    public mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        let start = position
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        if position > start { isBroken = true }
        return nil
    }

    private mutating func fixed(_ size: Int, _ tag: UInt64) -> Field? {
        guard end - position >= size else { return broken() }
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += size
        return Field(number: tag >> 3, content: nil, number64: value)
    }

    private mutating func broken() -> Field? {
        isBroken = true
        return nil
    }
}
