/// A position in the bytes of a small kernel file, moved forward by the parsers of this module.
///
/// Every read is checked against the end of the bytes, so that cut or hostile input ends a parse and nothing else.
struct ByteCursor: ~Escapable {
    let bytes: RawSpan
    private(set) var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) { self.bytes = bytes }

    var isAtEnd: Bool { offset >= bytes.byteCount }

    /// The byte at the position; nil at the end.
    var current: UInt8? { isAtEnd ? nil : Self.byte(bytes, offset) }

    /// True at the end and in front of a line feed.
    var isAtLineEnd: Bool { isAtEnd || current == UInt8(ascii: "\n") }

    /// Moves behind the next line feed. False (and at the end) if there is none: a line without an end may be cut.
    @discardableResult
    @_lifetime(self: copy self)
    mutating func skipLine() -> Bool {
        while let byte = current {
            offset += 1
            if byte == UInt8(ascii: "\n") { return true }
        }
        return false
    }

    /// Moves back to the start of the line.
    @_lifetime(self: copy self)
    mutating func rewindLine() {
        while offset > 0, Self.byte(bytes, offset - 1) != UInt8(ascii: "\n") { offset -= 1 }
    }

    /// True if the line from the position on is ended by a line feed within the bytes.
    var hasWholeLine: Bool {
        var probe = offset
        while probe < bytes.byteCount {
            if Self.byte(bytes, probe) == UInt8(ascii: "\n") { return true }
            probe += 1
        }
        return false
    }

    /// Skips spaces and tabs, not line feeds.
    @_lifetime(self: copy self)
    mutating func skipSpaces() {
        while let byte = current, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { offset += 1 }
    }

    /// Consumes `text` if it stands at the position.
    @_lifetime(self: copy self)
    mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.byteCount - offset >= count else { return false }
        let matches = text.withUTF8Buffer { wanted in
            for index in 0..<count where Self.byte(bytes, offset + index) != wanted[index] { return false }
            return true
        }
        if matches { offset += count }
        return matches
    }

    /// Consumes a decimal number; nil (and nothing consumed) where there is none or it exceeds 64 bits.
    @_lifetime(self: copy self)
    mutating func number() -> UInt64? {
        var probe = offset
        var value: UInt64 = 0
        while probe < bytes.byteCount {
            let digit = Self.byte(bytes, probe) &- UInt8(ascii: "0")
            if digit > 9 { break }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit))
            if tooLarge || carried { return nil }
            value = sum
            probe += 1
        }
        guard probe > offset else { return nil }
        offset = probe
        return value
    }

    /// Skips spaces, then consumes a number.
    @_lifetime(self: copy self)
    mutating func nextNumber() -> UInt64? {
        skipSpaces()
        return number()
    }

    /// Skips spaces, then consumes up to the next space, tab or line end. Empty at the end of a line.
    @_lifetime(self: copy self)
    mutating func nextWord() -> Range<Int> {
        skipSpaces()
        let start = offset
        while let byte = current {
            if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") { break }
            offset += 1
        }
        return start..<offset
    }

    /// Consumes up to `byte`, which is consumed too but not in the range; nil (at the line's end) if the line has none.
    @_lifetime(self: copy self)
    mutating func nextField(endedBy byte: UInt8) -> Range<Int>? {
        let start = offset
        while let found = current, found != UInt8(ascii: "\n") {
            offset += 1
            if found == byte { return start..<(offset - 1) }
        }
        return nil
    }

    /// Consumes the rest of the line without its line feed.
    @_lifetime(self: copy self)
    mutating func restOfLine() -> Range<Int> {
        let start = offset
        while !isAtLineEnd { offset += 1 }
        return start..<offset
    }

    /// The bytes of `range` as text, invalid UTF-8 repaired.
    func text(_ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        // Checked: traps outside of the span, and a byte is always aligned and valid.
        bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
