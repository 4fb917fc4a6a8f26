/// Writes SQL without its literals and comments; see `StatementObfuscator`.
///
/// Invariant: every byte is looked at a bounded number of times; only the search for the end of a dollar quote compares more,
/// and its tag has at most 64 bytes.
struct SQLScanner {
    private let isMySQL: Bool
    /// Where the statement's own output begins.
    private let first: Int
    private var position = 0

    init(isMySQL: Bool, first: Int) {
        self.isMySQL = isMySQL
        self.first = first
    }

    mutating func scan(_ bytes: RawSpan, into output: inout [UInt8]) {
        while position < bytes.byteCount {
            let byte = bytes.byte(position)
            let next = bytes.byte(position + 1)
            switch byte {
            case UInt8(ascii: "'"): string(bytes, byte, hasBackslash: true, into: &output)
            case 0x22 where isMySQL: string(bytes, byte, hasBackslash: true, into: &output)
            case 0x22, 0x60: name(bytes, byte, into: &output)
            case UInt8(ascii: "-") where next == byte: skipLine(bytes, into: &output)
            case UInt8(ascii: "#") where isMySQL: skipLine(bytes, into: &output)
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): skipComment(bytes, into: &output)
            case UInt8(ascii: "$"): dollar(bytes, into: &output)
            case 0x30...0x39: number(bytes, into: &output)
            case UInt8(ascii: ".") where next >= 0x30 && next <= 0x39: number(bytes, into: &output)
            case _ where Self.isWord(byte): word(bytes, into: &output)
            case UInt8(ascii: ")"):
                output.append(byte)
                position += 1
                joinRows(into: &output)
            default:
                output.append(byte)
                position += 1
            }
        }
    }

    /// Letters, digits, `_`, and all that is not ASCII.
    private static func isWord(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x5F || byte >= 0x80
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

    // MARK: Literals

    /// A literal stands here; one that follows another in a list is not written.
    private func literal(into output: inout [UInt8]) {
        var end = output.count
        while end > first, Self.isBlank(output[end - 1]) { end -= 1 }
        // A sign that can only be one: nothing stands before it that it could take something from.
        if end > first, output[end - 1] == UInt8(ascii: "-") || output[end - 1] == UInt8(ascii: "+") {
            var before = end - 1
            while before > first, Self.isBlank(output[before - 1]) { before -= 1 }
            let last = before > first ? output[before - 1] : UInt8(ascii: "(")
            if last == UInt8(ascii: "(") || last == UInt8(ascii: ",") || last == UInt8(ascii: "=") {
                output.removeSubrange((end - 1)...)
                end = before
            }
        }
        if end > first, output[end - 1] == UInt8(ascii: ",") {
            var before = end - 1
            while before > first, Self.isBlank(output[before - 1]) { before -= 1 }
            if before > first, output[before - 1] == UInt8(ascii: "?") {
                output.removeSubrange(before...)
                return
            }
        }
        // Strings that follow each other are one.
        if end > first, end < output.count || true, output[end - 1] == UInt8(ascii: "?") {
            output.removeSubrange(end...)
            return
        }
        output.append(UInt8(ascii: "?"))
    }

    /// Of `(?), (?)` the second is not written.
    private func joinRows(into output: inout [UInt8]) {
        let end = output.count
        guard end - first >= 7, output[end - 2] == UInt8(ascii: "?"), output[end - 3] == UInt8(ascii: "(") else {
            return
        }
        var before = end - 3
        while before > first, Self.isBlank(output[before - 1]) { before -= 1 }
        guard before > first, output[before - 1] == UInt8(ascii: ",") else { return }
        before -= 1
        while before > first, Self.isBlank(output[before - 1]) { before -= 1 }
        guard before - first >= 3, output[before - 1] == UInt8(ascii: ")"), output[before - 2] == UInt8(ascii: "?"),
            output[before - 3] == UInt8(ascii: "(")
        else { return }
        output.removeSubrange(before...)
    }

    /// A string: doubled quotes and what follows a backslash belong to it.
    ///
    /// Standard strings of PostgreSQL have no backslashes; taking one for one can only hide more.
    private mutating func string(_ bytes: RawSpan, _ quote: UInt8, hasBackslash: Bool, into output: inout [UInt8]) {
        position += 1
        while position < bytes.byteCount {
            let byte = bytes.byte(position)
            if byte == 0x5C, hasBackslash {
                position += 2
            } else if byte == quote {
                position += 1
                if bytes.byte(position) != quote || position >= bytes.byteCount { break }
                position += 1
            } else {
                position += 1
            }
        }
        position = min(position, bytes.byteCount)
        literal(into: &output)
    }

    private mutating func number(_ bytes: RawSpan, into output: inout [UInt8]) {
        while position < bytes.byteCount {
            let byte = bytes.byte(position)
            let isSign = byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            let afterExponent = bytes.byte(position - 1) | 0x20 == UInt8(ascii: "e")
            guard Self.isWord(byte) || byte == UInt8(ascii: ".") || isSign && afterExponent else { break }
            position += 1
        }
        literal(into: &output)
    }

    /// `$1` is a parameter and stays; `$tag$ … $tag$` is a string.
    private mutating func dollar(_ bytes: RawSpan, into output: inout [UInt8]) {
        let start = position
        var end = start + 1
        while end < bytes.byteCount, end - start <= 64, Self.isWord(bytes.byte(end)) { end += 1 }
        let isParameter = bytes.byte(start + 1) >= 0x30 && bytes.byte(start + 1) <= 0x39
        guard !isParameter, bytes.byte(end) == UInt8(ascii: "$"), end < bytes.byteCount else {
            output.append(bytes.part(start, max(end, start + 1)))
            position = max(end, start + 1)
            return
        }
        let size = end + 1 - start
        position = end + 1
        while position < bytes.byteCount {
            if bytes.byte(position) == UInt8(ascii: "$"), Self.isSame(bytes, start, position, size) {
                position += size
                return literal(into: &output)
            }
            position += 1
        }
        literal(into: &output)
    }

    private static func isSame(_ bytes: RawSpan, _ one: Int, _ other: Int, _ size: Int) -> Bool {
        guard other + size <= bytes.byteCount else { return false }
        for index in 0..<size where bytes.byte(one + index) != bytes.byte(other + index) { return false }
        return true
    }

    // MARK: What stays

    /// A word; one letter or two before a quote belong to the string.
    private mutating func word(_ bytes: RawSpan, into output: inout [UInt8]) {
        let start = position
        while position < bytes.byteCount, Self.isWord(bytes.byte(position)) || bytes.byte(position) == UInt8(ascii: "$")
        {
            position += 1
        }
        let isPrefix = bytes.byte(position) == UInt8(ascii: "'") && position - start == 1 && position < bytes.byteCount
        if isPrefix, "eEnNxXbB".utf8.contains(bytes.byte(start)) { return }
        output.append(bytes.part(start, position))
    }

    /// A quoted name.
    private mutating func name(_ bytes: RawSpan, _ quote: UInt8, into output: inout [UInt8]) {
        let end = bytes.firstIndex(of: quote, from: position + 1).map { $0 + 1 } ?? bytes.byteCount
        output.append(bytes.part(position, end))
        position = end
    }

    // MARK: Comments

    private mutating func skipLine(_ bytes: RawSpan, into output: inout [UInt8]) {
        position = bytes.firstIndex(of: 0x0A, from: position) ?? bytes.byteCount
        trim(into: &output)
    }

    /// Comments may be nested in PostgreSQL and ClickHouse, not in MySQL.
    private mutating func skipComment(_ bytes: RawSpan, into output: inout [UInt8]) {
        var depth = 0
        while position < bytes.byteCount {
            let (byte, next) = (bytes.byte(position), bytes.byte(position + 1))
            if byte == UInt8(ascii: "*"), next == UInt8(ascii: "/") {
                depth -= 1
                position += 2
                if depth == 0 { break }
            } else if byte == UInt8(ascii: "/"), next == UInt8(ascii: "*"), depth == 0 || !isMySQL {
                depth += 1
                position += 2
            } else {
                position += 1
            }
        }
        position = min(position, bytes.byteCount)
        trim(into: &output)
    }

    /// One blank is enough where a comment was.
    private func trim(into output: inout [UInt8]) {
        while output.count > first, Self.isBlank(output[output.count - 1]) { output.removeLast() }
        if output.count > first { output.append(0x20) }
    }
}
