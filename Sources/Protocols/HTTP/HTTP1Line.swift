/// Start lines and headers of HTTP/1, as bytes.
enum HTTP1Line {
    /// Longest method that is taken for one.
    private static let maximumMethod = 24

    /// Where the parts of a request line are (RFC 9112, section 3).
    struct Request {
        /// The method is before the target, with one space between.
        let methodEnd: Int
        let targetEnd: Int
    }

    /// `METHOD TARGET HTTP/1.x`; nil if it is something else. Of a line that is cut the target is the rest of it.
    static func request(_ line: RawSpan, isCut: Bool) -> Request? {
        guard let space = line.firstIndex(of: 0x20, before: maximumMethod + 1), isMethod(line.part(0, space)) else {
            return nil
        }
        if isCut {
            return line.byteCount > space + 1 && isTarget(line.byte(space + 1))
                ? Request(methodEnd: space, targetEnd: line.byteCount) : nil
        }
        let version = line.byteCount - 9
        guard version > space + 1, line.has(" HTTP/1.", at: version), isDigit(line.byte(version + 8)),
            isTarget(line.byte(space + 1))
        else { return nil }
        return Request(methodEnd: space, targetEnd: version)
    }

    /// The code of `HTTP/1.x CODE`; nil if it is something else.
    static func status(_ line: RawSpan) -> UInt16? {
        guard line.has("HTTP/1."), isDigit(line.byte(7)), line.byte(8) == 0x20, line.byteCount >= 12,
            line.byteCount == 12 || line.byte(12) == 0x20
        else { return nil }
        var code: UInt16 = 0
        for index in 9..<12 {
            guard isDigit(line.byte(index)) else { return nil }
            code = code * 10 + UInt16(line.byte(index) - 0x30)
        }
        return code >= 100 ? code : nil
    }

    /// Whether a segment begins with a request line, or with as much of one as was captured.
    static func beginsRequest(_ bytes: RawSpan) -> Bool {
        guard let end = bytes.firstIndex(of: 0x0A) else { return request(bytes, isCut: true) != nil }
        return request(trimmed(bytes.part(0, end)), isCut: false) != nil
    }

    static func beginsResponse(_ bytes: RawSpan) -> Bool {
        let end = bytes.firstIndex(of: 0x0A) ?? bytes.byteCount
        return status(trimmed(bytes.part(0, end))) != nil
    }

    /// The value of a header if it has this name, which is in upper case.
    @_lifetime(copy line)
    static func value(_ line: RawSpan, _ colon: Int) -> RawSpan {
        var (start, end) = (colon + 1, line.byteCount)
        while start < end, line.byte(start) == 0x20 || line.byte(start) == 0x09 { start += 1 }
        while end > start, line.byte(end - 1) == 0x20 || line.byte(end - 1) == 0x09 { end -= 1 }
        return line.part(start, end)
    }

    /// Whether a list of words has this one, which is in upper case.
    static func contains(_ value: RawSpan, _ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        var start = 0
        while start + count <= value.byteCount {
            if value.part(start, start + count).isWord(word) { return true }
            start += 1
        }
        return false
    }

    /// A decimal number that is no longer than 18 digits; nil if it is something else.
    static func number(_ value: RawSpan) -> Int? {
        guard value.byteCount > 0, value.byteCount <= 18 else { return nil }
        var number = 0
        for index in 0..<value.byteCount {
            guard isDigit(value.byte(index)) else { return nil }
            number = number * 10 + Int(value.byte(index) - 0x30)
        }
        return number
    }

    @_lifetime(copy line)
    private static func trimmed(_ line: RawSpan) -> RawSpan {
        line.byteCount > 0 && line.byte(line.byteCount - 1) == 0x0D ? line.part(0, line.byteCount - 1) : line
    }

    /// Upper-case letters, as all registered methods are, some with a dash between.
    static func isMethod(_ text: RawSpan) -> Bool {
        guard text.byteCount >= 3, text.byteCount <= maximumMethod else { return false }
        for index in 0..<text.byteCount {
            let byte = text.byte(index)
            if !(0x41...0x5A).contains(byte), index == 0 || byte != 0x2D { return false }
        }
        return true
    }

    private static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
