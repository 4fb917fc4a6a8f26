import Testing

@testable import NodeAgent

@Suite struct ConfigurationFileTests {
    private func read(_ text: String) throws -> ConfigurationFile {
        try ConfigurationFile(path: "/etc/m.yaml", content: Array(text.utf8))
    }

    @Test func scalarsAndLists() throws {
        let file = try read(
            """
            # what a file looks like
            listen: 0.0.0.0:80
            min-container-age: "0s"
            container-denylist:
              - ^/k8s/kube-system/
              - '\\d+'
            track-public-network: [10.0.0.0/8, 1.2.3.4/32]
            ephemeral-port-range: ''
            insecure-skip-verify: true
            """)
        #expect(file.entries[.listen] == ConfigurationFile.Entry(values: ["0.0.0.0:80"], line: 2))
        #expect(file.entries[.containerDenylist]?.values == ["^/k8s/kube-system/", "\\d+"])
        #expect(file.entries[.trackPublicNetwork]?.values == ["10.0.0.0/8", "1.2.3.4/32"])
        #expect(file.entries[.ephemeralPortRange]?.values == [""])
        #expect(file.entries[.insecureSkipVerify]?.values == ["true"])
        #expect(file.entries.count == 6)
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "{}", "--- {}\n...\n"])
    func emptyFiles(text: String) throws { #expect(try read(text).entries.isEmpty) }

    @Test(arguments: [
        ("no-such-option: 1", "line 1: \"no-such-option\" is no option (names are those of the flags, without --)"),
        ("config: x", "line 1: \"config\" is no option (names are those of the flags, without --)"),
        ("listen: a:1\n\nlisten: b:2", "line 3: listen is there twice"),
        ("listen:", "line 1: listen has no value; write '' for an empty one"),
        ("listen: ~", "line 1: listen has no value; write '' for an empty one"),
        ("listen: [a:1]", "line 1: listen takes one value, not a list"),
        ("container-denylist:\n  - [a]", "line 2: the value is nested too deeply"),
        ("listen: {a: b}", "line 1: the value of listen is nested too deeply"),
        ("- a\n- b", "line 1: the file is no mapping of options to values"),
        ("hello", "line 1: the file is no mapping of options to values"),
        ("[listen]: a", "line 1: the name of an option is missing"),
        ("? [listen]\n: a", "line 1: the name of an option is missing"),
        ("listen: &a b", "line 1: anchors (&name) are not allowed"),
        ("listen: *a", "line 1: aliases (*name) are not allowed"),
        ("listen: !!str b", "line 1: tags (!name) are not allowed"),
        ("listen: a:1\n---\nlisten: b:2", "line 2: there is a second document"),
        ("a: [", ": not YAML: did not find expected node content"),
        ("listen: a\n\tx: y", "line 2: not YAML: found a tab character that violates indentation"),
        ("listen: \u{1}", "not YAML: control characters are not allowed"),
    ])
    func complaints(text: String, expected: String) {
        let error = #expect(throws: ConfigurationFile.Failure.self) { try read(text) }
        #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
        #expect(error?.description.hasPrefix("/etc/m.yaml") == true)
    }

    @Test func garbageEndsInAnError() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? ConfigurationFile(path: "x", content: bytes)
            let text = (0..<100).map { _ in "{}[]:-&*!|>'\"%@` \n\tab#,?".randomElement() ?? " " }
            _ = try? ConfigurationFile(path: "x", content: Array(String(text).utf8))
        }
        for opening in ["[", "{", "- ", "a: [", "? "] {
            let text = String(repeating: opening, count: 500_000 / opening.count)
            #expect(throws: ConfigurationFile.Failure.self) {
                try ConfigurationFile(path: "x", content: Array(text.utf8))
            }
        }
    }

    @Test func filesAreBounded() throws {
        let file = try TemporaryFile(String(repeating: "#", count: ConfigurationFile.maximumSize + 1))
        #expect(
            #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile(path: file.path) }?.problem
                == "the file is larger than 1 MiB")
        #expect(
            #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile(path: "/nonexistent") }?.description
                == "/nonexistent: cannot read the file: No such file or directory")
        #expect(throws: ConfigurationFile.Failure.self) { try ConfigurationFile(path: "/tmp") }
    }
}
