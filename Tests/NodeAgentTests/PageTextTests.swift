import Testing

@testable import NodeAgent

@Suite struct PageTextTests {
    private func read(_ text: String) -> PageText { PageText(Array(text.utf8)) }

    @Test func samples() {
        let page = read(
            """
            # HELP a What is it
            # TYPE a counter
            a 1
            b{} 2.5e3
              c{x="1",y="two words",} -3 1700000000000\r
            d { x = "a\\"b\\\\c\\nd" } +Inf # {trace="1"} 5
            nan NaN
            # EOF
            """)
        #expect(page.malformedLines == 0)
        #expect(page.samples.count == 5)
        #expect(page.samples[0] == PageSample(name: "a", labels: [:], value: 1))
        #expect(page.samples[1] == PageSample(name: "b", labels: [:], value: 2500))
        #expect(page.samples[2] == PageSample(name: "c", labels: ["x": "1", "y": "two words"], value: -3))
        #expect(page.samples[3].labels == ["x": "a\"b\\c\nd"])
        #expect(page.samples[3].value == .infinity)
        #expect(page.samples[4].value.isNaN)
    }

    @Test(arguments: [
        "a", "a{", "a{x", "a{x=", "a{x=1} 1", "a{x=\"", "a{x=\"\\", "a{x=\"1\"", "a{x=\"1\"y=\"2\"} 1", "a{=\"1\"} 1",
        "{} 1", "=", "a one", "a{} ", "\u{1F600} 1", "a{,} 1", "\"a\" 1",
    ])
    func malformedLines(text: String) {
        let page = read(text + "\nafter 1\n")
        #expect(page.malformedLines == 1)
        #expect(page.samples == [PageSample(name: "after", labels: [:], value: 1)])
    }

    @Test func garbage() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            _ = PageText((0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) })
            let text = (0..<200).map { _ in "a{}=\"\\,1 \n#".randomElement() ?? " " }
            _ = read(String(text))
        }
        #expect(read("").samples.isEmpty)
        // Bytes that are no UTF-8 in a value are repaired.
        #expect(PageText(Array("a{x=\"".utf8) + [0xFF] + Array("\"} 1".utf8)).samples[0].labels["x"] == "\u{FFFD}")
        let long = String(repeating: "x", count: 1_000_000)
        #expect(read("a{x=\"\(long)\"} 1").samples[0].labels["x"]?.count == 1_000_000)
    }
}
