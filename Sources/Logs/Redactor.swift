/// Takes secrets out of text before it leaves the node: what is found is replaced by `[token]`, `[email]` or `[card]`.
///
/// It reads bytes once and knows no expressions; what it takes for a secret is listed in docs/logs.md. In brackets, what it puts
/// in does not change the pattern of a message. Belongs to one thread; memory is that of the longest text.
public final class Redactor {
    /// What is looked for.
    public struct Classes: OptionSet, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Tokens, keys and passwords, by their form or by the name before them.
        public static let token = Classes(rawValue: 1)
        /// E-mail addresses.
        public static let email = Classes(rawValue: 2)
        /// Numbers of payment cards (ISO/IEC 7812): 13 to 19 digits with a right check digit.
        public static let card = Classes(rawValue: 4)

        /// By the names that `--log-redact` takes.
        public static let names: [(name: String, value: Classes)] = [
            ("token", .token), ("email", .email), ("card", .card),
        ]
    }

    /// How many were replaced.
    public private(set) var count: UInt64 = 0

    private let classes: Classes
    /// The text that the last call of `redact` that returned true has made.
    public private(set) var text: [UInt8] = []

    public init(_ classes: Classes) { self.classes = classes }

    /// Whether `source` has something to hide; `text` is what remains then.
    public func redact(_ source: Span<UInt8>) -> Bool {
        var copied = 0
        var index = 0
        var isFound = false
        while index < source.count {
            guard let (secret, name) = find(source, index, after: copied) else {
                index += 1
                continue
            }
            if !isFound { text.removeAll(keepingCapacity: true) }
            isFound = true
            append(source.extracting(copied..<secret.lowerBound))
            append(name)
            (copied, index) = (secret.upperBound, secret.upperBound)
        }
        if isFound { append(source.extracting(copied..<source.count)) }
        return isFound
    }

    /// The same for a value that has a name: that of a password is hidden as a whole.
    public func redact(_ value: Span<UInt8>, named name: Span<UInt8>) -> Bool {
        guard classes.contains(.token), !value.isEmpty, SecretName(endOf: name, at: name.count) != nil else {
            return redact(value)
        }
        text.removeAll(keepingCapacity: true)
        append("[token]")
        return true
    }

    private func append(_ part: Span<UInt8>) { part.withUnsafeBufferPointer { text.append(contentsOf: $0) } }

    private func append(_ name: StaticString) {
        text.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        count &+= 1
    }

    /// The secret that shows itself by the byte at `index`; nothing before `copied` belongs to it.
    @inline(__always)
    private func find(_ text: Span<UInt8>, _ index: Int, after copied: Int) -> (Range<Int>, StaticString)? {
        let byte = text[index]
        switch byte {
        case UInt8(ascii: "@"):
            guard classes.contains(.email) else { return nil }
            return Self.email(text, index, copied).map { ($0, "[email]") }
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard classes.contains(.card), !Self.isWord(text, index - 1) else { return nil }
            return Self.card(text, index).map { ($0, "[card]") }
        case UInt8(ascii: "="), UInt8(ascii: ":"):
            guard classes.contains(.token) else { return nil }
            return Self.value(text, index).map { ($0, "[token]") }
        default:
            guard classes.contains(.token), TokenForm.mayBegin(byte), !Self.isWord(text, index - 1) else { return nil }
            return TokenForm.token(text, index).map { ($0, "[token]") }
        }
    }

    /// Whether the byte is a letter or a digit; there is none before the first.
    static func isWord(_ text: Span<UInt8>, _ index: Int) -> Bool {
        index >= 0 && index < text.count && (text[index].isLetter || text[index].isDigit)
    }

    // MARK: Addresses

    private static func email(_ text: Span<UInt8>, _ sign: Int, _ copied: Int) -> Range<Int>? {
        var start = sign
        // No longer than RFC 5321 has it: a long run of such bytes must not be read again at every sign.
        while start > copied, sign - start < 64, isLocal(text[start - 1]) { start -= 1 }
        var end = sign + 1
        var dot: Int?
        while end < text.count, end - sign < 255,
            text[end].isLetter || text[end].isDigit || text[end] == UInt8(ascii: "-")
                || text[end] == UInt8(ascii: ".")
        {
            if text[end] == UInt8(ascii: ".") { dot = end }
            end += 1
        }
        // A full stop that ends the sentence.
        if let last = dot, last == end - 1 {
            end = last
            dot = nil
            for index in sign + 1..<end where text[index] == UInt8(ascii: ".") { dot = index }
        }
        guard start < sign, let dot, dot > sign + 1, end - dot > 2 else { return nil }
        return start..<end
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        byte.isPlain || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "%")
    }

    // MARK: Cards

    /// Digits, with one blank or hyphen between them at most.
    private static func card(_ text: Span<UInt8>, _ start: Int) -> Range<Int>? {
        var digits = InlineArray<19, UInt8>(repeating: 0)
        var count = 0
        var end = start
        var index = start
        while index < text.count {
            if text[index].isDigit {
                guard count < 19 else { return nil }
                digits[count] = text[index] &- UInt8(ascii: "0")
                count += 1
                index += 1
                end = index
            } else if text[index] == UInt8(ascii: " ") || text[index] == UInt8(ascii: "-"), index + 1 < text.count,
                text[index + 1].isDigit, index == end
            {
                index += 1
            } else {
                break
            }
        }
        guard 13...19 ~= count, !isWord(text, end) else { return nil }
        // ISO/IEC 7812-1, annex B: every second digit from the right doubled.
        var sum = 0
        for place in 0..<count {
            var digit = Int(digits[count - 1 - place])
            if place % 2 == 1 { digit = digit > 4 ? 2 * digit - 9 : 2 * digit }
            sum += digit
        }
        return sum % 10 == 0 && digits[0] != 0 ? start..<end : nil
    }

    // MARK: Values with a name

    /// The value after `=` or `:` whose name is that of a secret.
    private static func value(_ text: Span<UInt8>, _ sign: Int) -> Range<Int>? {
        var nameEnd = sign
        if nameEnd > 0, text[nameEnd - 1] == UInt8(ascii: " ") { nameEnd -= 1 }
        if nameEnd > 0, isQuote(text[nameEnd - 1]) { nameEnd -= 1 }
        if nameEnd > 0, text[nameEnd - 1] == UInt8(ascii: "\\") { nameEnd -= 1 }
        guard let name = SecretName(endOf: text, at: nameEnd) else { return nil }
        var start = sign + 1
        while start < text.count, text[start] == UInt8(ascii: " ") || text[start] == UInt8(ascii: "\\") { start += 1 }
        var quote: UInt8?
        if start < text.count, isQuote(text[start]) {
            quote = text[start]
            start += 1
        }
        var end = self.end(text, start, quote)
        if quote == nil {
            let scheme = text.extracting(start..<end)
            if scheme.equalsLowered("bearer") || scheme.equalsLowered("basic") || scheme.equalsLowered("token"),
                end < text.count, text[end] == UInt8(ascii: " ")
            {
                start = end + 1
                end = self.end(text, start, nil)
            }
        }
        // "unexpected token: x" is no secret.
        let shortest = name == .password || text[sign] == UInt8(ascii: "=") || quote != nil ? 1 : 8
        return end - start >= shortest ? start..<end : nil
    }

    private static func end(_ text: Span<UInt8>, _ start: Int, _ quote: UInt8?) -> Int {
        var end = start
        while end < text.count {
            let byte = text[end]
            if let quote {
                if byte == quote { break }
                if byte == UInt8(ascii: "\\"), end + 1 < text.count {
                    // The quote of a text in a text ends it too.
                    if text[end + 1] == quote, start >= 2, text[start - 2] == UInt8(ascii: "\\") { break }
                    end += 1
                }
            } else if byte.isBlank || isQuote(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";")
                || byte == UInt8(ascii: "&") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]")
                || byte == UInt8(ascii: "}")
            {
                break
            }
            end += 1
        }
        return min(end, text.count)
    }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
}
