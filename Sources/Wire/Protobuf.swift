/// The few pieces of the protobuf encoding that the encoders need (protobuf.dev/programming-guides/encoding).
enum Protobuf {
    /// Bytes of `value` as a varint.
    static func varintSize(_ value: UInt64) -> Int {
        (70 - (value | 1).leadingZeroBitCount) / 7
    }

    static func varintSize(_ value: Int) -> Int { varintSize(UInt64(value)) }

    /// Bytes of a length-delimited field with a one-byte tag, tag and length included.
    @inline(__always)
    static func fieldSize(_ length: Int) -> Int { length < 0x80 ? 2 + length : 1 + varintSize(length) + length }

    /// The tag byte of field `number` (1 to 15).
    static func tag(_ number: UInt8, _ type: WireType) -> UInt8 { number << 3 | type.rawValue }

    /// Writes `value` as a varint at `target` and returns the byte after it.
    @inline(__always)
    static func writeVarint(_ value: UInt64, at target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var target = target
        var rest = value
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            rest >>= 7
            target += 1
        }
        target.storeBytes(of: UInt8(rest), as: UInt8.self)
        return target + 1
    }

    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
    }
}

extension WireBuffer {
    /// Appends the tag and length of a length-delimited field.
    mutating func appendFieldHeader(_ number: UInt8, length: Int) {
        append(Protobuf.tag(number, .lengthDelimited))
        appendVarint(UInt64(length))
    }

    mutating func appendField(_ number: UInt8, _ text: String) {
        appendFieldHeader(number, length: text.utf8.count)
        append(text)
    }
}
