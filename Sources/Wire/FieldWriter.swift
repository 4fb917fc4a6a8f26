/// Writes fields of protobuf into memory that is known to be large enough.
struct FieldWriter {
    var target: UnsafeMutableRawPointer

    @inline(__always)
    init(_ target: UnsafeMutableRawPointer) { self.target = target }

    @inline(__always)
    mutating func byte(_ byte: UInt8) {
        target.storeBytes(of: byte, as: UInt8.self)
        target += 1
    }

    @inline(__always)
    mutating func varint(_ value: UInt64) { target = Protobuf.writeVarint(value, at: target) }

    @inline(__always)
    mutating func varint(_ field: UInt8, _ value: UInt64) {
        byte(Protobuf.tag(field, .varint))
        varint(value)
    }

    @inline(__always)
    mutating func fixed64(_ field: UInt8, _ value: UInt64) {
        byte(Protobuf.tag(field, .fixed64))
        target.storeBytes(of: value.littleEndian, as: UInt64.self)
        target += 8
    }

    /// Ids are bytes in network order.
    @inline(__always)
    mutating func id(_ field: UInt8, _ value: UInt64) {
        header(field, 8)
        target.storeBytes(of: value.bigEndian, as: UInt64.self)
        target += 8
    }

    @inline(__always)
    mutating func id(_ field: UInt8, high: UInt64, low: UInt64) {
        header(field, 16)
        target.storeBytes(of: high.bigEndian, as: UInt64.self)
        target.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        target += 16
    }

    /// Tag and length of a length-delimited field.
    @inline(__always)
    mutating func header(_ field: UInt8, _ length: Int) {
        byte(Protobuf.tag(field, .lengthDelimited))
        varint(UInt64(length))
    }

    /// A length of four bytes, as `WireBuffer.closeLength` has it.
    @inline(__always)
    mutating func longLength(_ length: Int) {
        precondition(length >= 0 && length < 1 << 28, "too long a message")
        let bits = UInt32(truncatingIfNeeded: length)
        let bytes = bits & 0x7F | (bits << 1) & 0x7F00 | (bits << 2) & 0x7F_0000 | (bits << 3) & 0x7F00_0000 | 0x80_8080
        target.storeBytes(of: bytes.littleEndian, as: UInt32.self)
        target += 4
    }

    @inline(__always)
    mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
        if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
        target += bytes.count
    }

    @inline(__always)
    mutating func field(_ field: UInt8, _ bytes: UnsafeRawBufferPointer) {
        header(field, bytes.count)
        self.bytes(bytes)
    }

    /// An attribute (opentelemetry/proto/common/v1/common.proto, `KeyValue`) whose value is a text that is known to be UTF-8.
    @inline(__always)
    mutating func attribute(_ field: UInt8, _ key: StaticString, _ value: UnsafeRawBufferPointer) {
        let key = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        let anyValue = Protobuf.fieldSize(value.count)
        header(field, Protobuf.fieldSize(key.count) + Protobuf.fieldSize(anyValue))
        self.field(1, key)
        header(2, anyValue)
        self.field(1, value)
    }
}
