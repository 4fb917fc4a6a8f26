import Testing

@testable import Exchange

@Suite struct JSONDocumentTests {
    private func parse(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }

    @Test func values() throws {
        let document = try parse(
            #"{"a": {"b": "text", "n": 42, "f": 1.5, "big": 18446744073709551615, "list": ["x",1,"y"]},"z": "a\u0000b"}"#
        )
        let root = document.root
        #expect(root.string("a", "b") == "text")
        #expect(root.string("a", "n") == nil)
        #expect(root.string("a", "missing") == nil)
        #expect(root.string("a", "b", "c") == nil)
        #expect(root.string() == nil)
        #expect(root.string("z") == "a\u{0}b")
        #expect(root.integer("a", "n") == 42)
        #expect(root.integer("a", "f") == nil)
        #expect(root.integer("a", "big") == nil)
        #expect(root.integer("a", "b") == nil)
        var elements = [String?]()
        root.member("a", "list")?.forEachElement { elements.append($0.string()) }
        #expect(elements == ["x", nil, "y"])
        elements = []
        root.member("a", "list")?.forEachElement(limit: 1) { elements.append($0.string()) }
        #expect(elements == ["x"])
        var keys = Set<String>()
        root.forEachMember { key, _ in keys.insert(key) }
        #expect(keys == ["a", "z"])
        #expect(root.strings("a") == ["b": "text"])
        root.member("z")?.forEachMember { _, _ in Issue.record("a string has no members") }
        root.forEachElement { _ in Issue.record("an object has no elements") }
    }

    @Test(arguments: [
        "", " ", "{", "}", "nul", "[1,]", "{\"a\":}", "\"", "[1] [2]", "{\"a\":1e999}", "\u{0}", "[\"\\ud800\"]",
    ])
    func garbage(_ text: String) {
        #expect(throws: JSONError.self) { _ = try JSONDocument(parsing: Array(text.utf8)) }
    }

    @Test func limits() throws {
        let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(throws: JSONError.tooDeep(limit: 64)) { _ = try JSONDocument(parsing: Array(deep.utf8)) }
        _ = try JSONDocument(parsing: Array(deep.dropFirst().dropLast().utf8))
        // Brackets in strings nest nothing.
        _ = try JSONDocument(parsing: Array("[\"\\\"\(String(repeating: "[", count: 200))\"]".utf8))
        #expect(throws: JSONError.tooLarge(limit: 3)) {
            _ = try JSONDocument(parsing: Array("[1, 2]".utf8), sizeLimit: 3)
        }
        let bomb = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: JSONError.tooDeep(limit: 64)) { _ = try JSONDocument(parsing: bomb) }
    }
}
