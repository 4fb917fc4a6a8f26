/// Reads ClickHouse's numbers (LEB128) and strings (their length before them) one after another.
///
/// Invariant: `position` never goes beyond what fits into 2^32; nil once something is not there or too large.
struct VarintReader: ~Escapable {
    private let bytes: RawSpan
    private(set) var position: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// Whether what was asked for lies behind the bytes at hand.
    var isBeyond: Bool { position > bytes.byteCount }

    @_lifetime(self: copy self)
    mutating func number() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 63 {
            guard position < bytes.byteCount else {
                position = bytes.byteCount + 1
                return nil
            }
            let byte = bytes.byte(position)
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// Where the next string is; it may end beyond the bytes at hand.
    @_lifetime(self: copy self)
    mutating func string() -> Range<Int>? {
        guard let length = number(), length <= 1 << 30 else { return nil }
        let start = position
        position += Int(length)
        return start..<position
    }

    @_lifetime(self: copy self)
    mutating func skipString() { _ = string() }

    @_lifetime(self: copy self)
    mutating func skip(_ count: Int) { position += count }

    @_lifetime(self: copy self)
    mutating func byte() -> UInt8? {
        position += 1
        return position <= bytes.byteCount ? bytes.byte(position - 1) : nil
    }
}
