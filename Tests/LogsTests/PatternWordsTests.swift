import TestSupport
import Testing

@testable import Logs

struct PatternWordsTests {
    private static func words(_ message: String) -> String {
        var words = PatternWords()
        words.read(Array(message.utf8).span)
        return text(words.text)
    }

    @Test(arguments: [
        ("", ""), ("a", ""), ("ab", "ab"), ("error: connection refused", "error connection refused"),
        ("took 12ms for user42 in shard-3a", "took ms for user in shard-a"),
        ("id 550e8400-e29b-41d4-a716-446655440000 gone", "id gone"),
        ("550e8400-e29b-41d4-a716-44665544000g gone", "e-eb-d-a-g gone"),
        ("dead beef cafe fee at 0xff 0xzz 0x", "fee at xzz"),
        ("say 'hello world' to \"the \\\" reader\" now", "say to now"),
        ("don't stop", "don"),
        ("f(x [y) z] w) end", "end"), ("a[1]b c{d}e", "ab ce"), ("open ( never closed", "open"),
        ("close ) alone] here", "close alone here"), ("key=value key= :x", "key"),
        ("naïve plain", "plain"), ("a\u{00A0}bc\u{2003}de\u{3000}fg", "bc de fg"),
        ("x_y.z-w _a b- -c-", "x_y.z-w"), ("tail,;:]= ok", "tail ok"), ("\tab\r\n cd", "ab cd"),
    ])
    func words(message: String, expected: String) {
        #expect(Self.words(message) == expected)
        #expect(Self.model(message) == expected, "the model")
    }

    @Test func atMostHundredWords() {
        let many = Array(repeating: "word", count: 150).joined(separator: " ")
        #expect(Self.words(many) == Array(repeating: "word", count: 100).joined(separator: " "))
    }

    @Test func deepBracketsEnd() {
        let deep = String(repeating: "(", count: 1000) + " x " + String(repeating: ")", count: 1000) + " after"
        #expect(Self.words(deep) == "after")
    }

    /// Against a slow reading of the rules with strings.
    @Test func agreesWithTheRules() {
        var random = SeededGenerator(7)
        let pieces = [
            "word", "ab", "x", "12", "0x1f", "dead", "beef1", "-", "_", ".", " ", " ", "  ", "\"", "'", "\\", "[", "]",
            "(", ")", "{", "}", "=", ":", ",", ";", "é", "\u{00A0}", "\u{2028}", "550e8400-e29b-41d4-a716-446655440000",
            "550e8400e29b-41d4-a716-4466-55440000", "\t", "Zz9",
        ]
        for _ in 0..<20_000 {
            let message = (0..<Int.random(in: 0...24, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            #expect(Self.words(message) == Self.model(message), "\(message)")
        }
    }

    private static func model(_ message: String) -> String {
        var kept = String.UnicodeScalarView()
        var quote: Unicode.Scalar?
        var brackets: [Unicode.Scalar] = []
        var previous: Unicode.Scalar?
        let closing: [Unicode.Scalar: Unicode.Scalar] = ["]": "[", ")": "(", "}": "{"]
        for scalar in message.unicodeScalars {
            defer { previous = scalar }
            if "[({".unicodeScalars.contains(scalar), quote == nil { brackets.append(scalar) }
            if let opening = closing[scalar], brackets.last == opening {
                brackets.removeLast()
                continue
            }
            if scalar == "\"" || scalar == "'", previous != "\\", brackets.isEmpty {
                if quote == nil {
                    quote = scalar
                } else if quote == scalar {
                    quote = nil
                    continue
                }
            }
            if quote == nil, brackets.isEmpty { kept.append(scalar) }
        }
        let words = kept.split { $0.properties.isWhitespace }.compactMap { field -> String? in
            var word = String(field)
            while let last = word.unicodeScalars.last, "=:],;".unicodeScalars.contains(last) {
                word.unicodeScalars.removeLast()
            }
            if word.utf8.count < 2 { return nil }
            if word.wholeMatch(of: /0x[0-9a-fA-F]+/) != nil || word.wholeMatch(of: /[0-9a-fA-F]{4,}/) != nil {
                return nil
            }
            let uuid = /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/
            if word.wholeMatch(of: uuid) != nil { return nil }
            word.unicodeScalars.removeAll { ("0"..."9").contains($0) }
            return word.wholeMatch(of: /[A-Za-z][A-Za-z._-]*[A-Za-z]/) != nil ? word : nil
        }
        return words.prefix(100).joined(separator: " ")
    }
}
