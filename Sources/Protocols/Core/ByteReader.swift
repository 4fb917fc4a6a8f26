/// Reads fields from the beginning of a message whose end may not have been captured.
///
/// A field that is not there whole gives zero or nothing and sets `isCut`; so does every field after it. Never traps.
struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    private(set) var position: Int
    /// Whether a field was asked for that is not there.
    private(set) var isCut = false

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
        if position < 0 || position > bytes.byteCount {
            self.position = bytes.byteCount
            isCut = true
        }
    }

    /// Bytes that are left.
    var left: Int { bytes.byteCount - position }

    /// An integer of the network's byte order.
    @_lifetime(self: copy self)
    mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value {
        Value(bigEndian: load(type))
    }

    @_lifetime(self: copy self)
    mutating func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value {
        Value(littleEndian: load(type))
    }

    @_lifetime(self: copy self)
    mutating func byte() -> UInt8 { load(UInt8.self) }

    @_lifetime(self: copy self)
    mutating func skip(_ count: Int) {
        guard has(count) else { return }
        position += count
    }

    /// The next `count` bytes, or those that are there.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func take(_ count: Int) -> RawSpan {
        let start = position
        if has(count) { position += count } else { position = bytes.byteCount }
        return bytes.extracting(start..<position)
    }

    /// An empty part.
    var nothing: RawSpan {
        @_lifetime(copy self) get { bytes.extracting(0..<0) }
    }

    @_lifetime(self: copy self)
    private mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value {
        let size = MemoryLayout<Value>.size
        guard has(size) else { return 0 }
        defer { position += size }
        // Within the span: `has` compared.
        return bytes.unsafeLoadUnaligned(fromByteOffset: position, as: type)
    }

    @_lifetime(self: copy self)
    private mutating func has(_ count: Int) -> Bool {
        if !isCut, count >= 0, count <= left { return true }
        isCut = true
        return false
    }
}
