/// Walks over JSON text (RFC 8259) and checks it, without making values. Arrays and objects may be nested `deepest` deep.
struct JSONCursor {
    /// Levels of nesting that are followed.
    static let deepest = 128

    enum Kind { case string, number, object, array, literal }

    var position: Int

    init(at position: Int = 0) { self.position = position }

    @inline(__always) mutating func skipBlanks(_ text: Span<UInt8>) {
        while position < text.count, Self.isBlank(text[position]) { position += 1 }
    }

    /// Takes `byte` after blanks, if it is there.
    @inline(__always) mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
        skipBlanks(text)
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    /// Passes over a string and returns what is between its quotes, escapes as they are; nil if it is malformed.
    mutating func string(_ text: Span<UInt8>) -> Range<Int>? {
        guard position < text.count, text[position] == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        var index = start
        while true {
            index = text.firstIndexOfStringEnd(from: index)
            guard index < text.count else { return nil }
            switch text[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                return start..<index
            case UInt8(ascii: "\\"):
                guard index + 1 < text.count else { return nil }
                switch text[index + 1] {
                case UInt8(ascii: "u"):
                    guard index + 5 < text.count else { return nil }
                    for digit in index + 2...index + 5 where text[digit].hexValue == nil { return nil }
                    index += 6
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                    UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                    index += 2
                default: return nil
                }
            // A control character.
            default: return nil
            }
        }
    }

    /// The same, with what the string stands for appended to `target`; that is not taken back where nil is returned.
    mutating func string(_ text: Span<UInt8>, unescapedTo target: inout [UInt8]) -> Range<Int>? {
        let start = position + 1
        var run = start
        while true {
            guard run <= text.count else { return nil }
            let end = text.firstIndexOfStringEnd(from: run)
            guard end < text.count else { return nil }
            text.extracting(run..<end).withUnsafeBufferPointer { target.append(contentsOf: $0) }
            if text[end] == UInt8(ascii: "\"") {
                position = end + 1
                return start..<end
            }
            guard text[end] == UInt8(ascii: "\\"), end + 1 < text.count else { return nil }
            run = end + 2
            switch text[end + 1] {
            case UInt8(ascii: "n"): target.append(0x0A)
            case UInt8(ascii: "t"): target.append(0x09)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): target.append(text[end + 1])
            default:
                // The rare ones: the whole is looked at again.
                target.removeAll(keepingCapacity: true)
                guard let range = string(text) else { return nil }
                Self.unescape(range, of: text, to: &target)
                return range
            }
        }
    }

    /// Passes over one value; nil if it is malformed or nested too deep. The range is that of its text.
    mutating func value(_ text: Span<UInt8>) -> (kind: Kind, range: Range<Int>)? {
        skipBlanks(text)
        let start = position
        guard start < text.count else { return nil }
        switch text[start] {
        case UInt8(ascii: "\""): return string(text).map { (.string, $0) }
        case UInt8(ascii: "{"): return nested(text) ? (.object, start..<position) : nil
        case UInt8(ascii: "["): return nested(text) ? (.array, start..<position) : nil
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return number(text) ? (.number, start..<position) : nil
        default: return literal(text) ? (.literal, start..<position) : nil
        }
    }

    /// An array or object, with a bit for each level that says which of the two it is.
    private mutating func nested(_ text: Span<UInt8>) -> Bool {
        var isObject: UInt128 = 0
        var depth = 0
        while true {
            // A value is expected.
            skipBlanks(text)
            guard position < text.count else { return false }
            var isEmpty = false
            switch text[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard depth < Self.deepest else { return false }
                let opensObject = text[position] == UInt8(ascii: "{")
                isObject = isObject << 1 | (opensObject ? 1 : 0)
                depth += 1
                position += 1
                isEmpty = take(opensObject ? UInt8(ascii: "}") : UInt8(ascii: "]"), text)
                if !isEmpty {
                    if opensObject, !key(text) { return false }
                    continue
                }
                isObject >>= 1
                depth -= 1
            case UInt8(ascii: "\""): if string(text) == nil { return false }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): if !number(text) { return false }
            default: if !literal(text) { return false }
            }
            // A value has ended: what follows it?
            while true {
                if depth == 0 { return true }
                if take(UInt8(ascii: ","), text) {
                    if isObject & 1 == 1, !key(text) { return false }
                    break
                }
                guard take(isObject & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"), text) else { return false }
                isObject >>= 1
                depth -= 1
            }
        }
    }

    private mutating func key(_ text: Span<UInt8>) -> Bool {
        skipBlanks(text)
        return string(text) != nil && take(UInt8(ascii: ":"), text)
    }

    private mutating func number(_ text: Span<UInt8>) -> Bool {
        if text[position] == UInt8(ascii: "-") { position += 1 }
        let first = position
        guard digits(text) else { return false }
        // No leading zero.
        if text[first] == UInt8(ascii: "0"), position - first > 1 { return false }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            position += 1
            guard digits(text) else { return false }
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < text.count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard digits(text) else { return false }
        }
        return true
    }

    private mutating func digits(_ text: Span<UInt8>) -> Bool {
        let first = position
        while position < text.count, text[position].isDigit { position += 1 }
        return position > first
    }

    private mutating func literal(_ text: Span<UInt8>) -> Bool {
        if text.starts(with: "true", at: position) || text.starts(with: "null", at: position) {
            position += 4
        } else if text.starts(with: "false", at: position) {
            position += 5
        } else {
            return false
        }
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Appends what a string stands for. `range` is a result of `string`, so it holds no malformed escape; half of a surrogate pair
    /// becomes U+FFFD.
    static func unescape(_ range: Range<Int>, of text: Span<UInt8>, to target: inout [UInt8]) {
        var index = range.lowerBound
        while index < range.upperBound {
            let run = text.firstIndex(of: UInt8(ascii: "\\"), from: index) ?? range.upperBound
            let end = min(run, range.upperBound)
            text.extracting(index..<end).withUnsafeBufferPointer { target.append(contentsOf: $0) }
            guard end < range.upperBound else { return }
            index = end + 2
            switch text[end + 1] {
            case UInt8(ascii: "n"): target.append(0x0A)
            case UInt8(ascii: "t"): target.append(0x09)
            case UInt8(ascii: "r"): target.append(0x0D)
            case UInt8(ascii: "b"): target.append(0x08)
            case UInt8(ascii: "f"): target.append(0x0C)
            case UInt8(ascii: "u"):
                var scalar = unit(text, index)
                index += 4
                if scalar & 0xFC00 == 0xD800, index + 5 < range.upperBound, text[index] == UInt8(ascii: "\\"),
                    text[index + 1] == UInt8(ascii: "u"), unit(text, index + 2) & 0xFC00 == 0xDC00
                {
                    scalar = 0x1_0000 + (scalar & 0x3FF) << 10 + unit(text, index + 2) & 0x3FF
                    index += 6
                }
                target.append(contentsOf: (Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
            case let other: target.append(other)
            }
        }
    }

    /// The four hexadecimal digits at `position`.
    private static func unit(_ text: Span<UInt8>, _ position: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in position..<position + 4 { value = value << 4 | UInt32(text[index].hexValue ?? 0) }
        return value
    }
}

extension Unicode.Scalar {
    /// Its bytes in UTF-8.
    fileprivate var utf8: Unicode.UTF8.EncodedScalar {
        Unicode.UTF8.encode(self) ?? Unicode.UTF8.encodedReplacementCharacter
    }
}
