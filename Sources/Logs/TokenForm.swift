/// Tokens that are known by their form: the prefixes that their issuers document, so that scanners find them.
enum TokenForm {
    private enum Alphabet { case plain, upper, base64 }

    private struct Form {
        let prefix: StaticString
        /// Bytes after the prefix.
        let shortest: Int
        var alphabet = Alphabet.plain
    }

    private static let forms: [Form] = [
        Form(prefix: "AKIA", shortest: 16, alphabet: .upper), Form(prefix: "ASIA", shortest: 16, alphabet: .upper),
        Form(prefix: "AIza", shortest: 35), Form(prefix: "eyJ", shortest: 20), Form(prefix: "ghp_", shortest: 20),
        Form(prefix: "gho_", shortest: 20), Form(prefix: "ghu_", shortest: 20), Form(prefix: "ghs_", shortest: 20),
        Form(prefix: "ghr_", shortest: 20), Form(prefix: "github_pat_", shortest: 20),
        Form(prefix: "glpat-", shortest: 20), Form(prefix: "xoxb-", shortest: 10), Form(prefix: "xoxp-", shortest: 10),
        Form(prefix: "xoxa-", shortest: 10), Form(prefix: "xoxr-", shortest: 10), Form(prefix: "xoxs-", shortest: 10),
        Form(prefix: "sk-", shortest: 20), Form(prefix: "sk_live_", shortest: 16),
        Form(prefix: "sk_test_", shortest: 16), Form(prefix: "rk_live_", shortest: 16),
        Form(prefix: "npm_", shortest: 30),
        Form(prefix: "hvs.", shortest: 20), Form(prefix: "Bearer ", shortest: 16, alphabet: .base64),
        Form(prefix: "bearer ", shortest: 16, alphabet: .base64),
    ]

    @inline(__always) static func mayBegin(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A"), UInt8(ascii: "B"), UInt8(ascii: "b"), UInt8(ascii: "e"), UInt8(ascii: "g"),
            UInt8(ascii: "h"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "s"), UInt8(ascii: "x"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The token that begins at `start`, without a word before it that says so.
    static func token(_ text: Span<UInt8>, _ start: Int) -> Range<Int>? {
        if text[start] == UInt8(ascii: "-") { return privateKey(text, start) }
        for form in forms where text.starts(with: form.prefix, at: start) {
            let first = start + form.prefix.utf8CodeUnitCount
            var end = first
            while end < text.count, belongs(text[end], form.alphabet) { end += 1 }
            // The end of a sentence.
            if text[end - 1] == UInt8(ascii: ".") { end -= 1 }
            guard end - first >= form.shortest else { continue }
            return form.alphabet == .base64 ? first..<end : start..<end
        }
        return nil
    }

    private static func belongs(_ byte: UInt8, _ alphabet: Alphabet) -> Bool {
        switch alphabet {
        case .plain: byte.isPlain
        case .upper: byte.isDigit || byte &- UInt8(ascii: "A") < 26
        case .base64:
            byte.isPlain || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=")
                || byte == UInt8(ascii: "~")
        }
    }

    /// PEM (RFC 7468): up to its end line, or to the end of the text.
    private static func privateKey(_ text: Span<UInt8>, _ start: Int) -> Range<Int>? {
        guard text.starts(with: "-----BEGIN ", at: start) else { return nil }
        var label = start + 11
        let most = min(text.count, label + 40)
        while label < most, !text.starts(with: "PRIVATE KEY", at: label) {
            if text[label] == UInt8(ascii: "-") { return nil }
            label += 1
        }
        guard label < most else { return nil }
        var end = label
        while let found = text.firstIndex(of: UInt8(ascii: "-"), from: end) {
            if text.starts(with: "-----END ", at: found) {
                var close = found + 9
                while close < text.count, text[close] != UInt8(ascii: "-") { close += 1 }
                while close < text.count, text[close] == UInt8(ascii: "-") { close += 1 }
                return start..<close
            }
            end = found + 1
        }
        return start..<text.count
    }
}
