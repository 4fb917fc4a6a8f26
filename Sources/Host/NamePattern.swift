/// The little pattern matching that device names need: a sequence of parts, matched greedily from the start.
enum NamePattern {
    enum Part {
        case text(StaticString)
        /// One or more of `0`…`9`.
        case digits
        /// One or more of `a`…`z`.
        case letters
        /// One or more lower-case hexadecimal digits.
        case hexadecimal
    }

    /// How many bytes at the start of `name` the first of `patterns` that fits takes; nil if none fits.
    static func prefixLength(of name: String, _ patterns: [[Part]]) -> Int? {
        for pattern in patterns {
            var rest = name.utf8[...]
            if pattern.allSatisfy({ take($0, &rest) }) { return name.utf8.count - rest.count }
        }
        return nil
    }

    private static func take(_ part: Part, _ rest: inout Substring.UTF8View) -> Bool {
        let count: Int
        switch part {
        case .text(let text):
            let matches = text.withUTF8Buffer { rest.starts(with: $0) }
            count = matches ? text.utf8CodeUnitCount : 0
        case .digits: count = rest.prefix { isDigit($0) }.count
        case .letters: count = rest.prefix { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }.count
        case .hexadecimal:
            count = rest.prefix { isDigit($0) || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")) }.count
        }
        rest = rest.dropFirst(count)
        return count > 0
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
