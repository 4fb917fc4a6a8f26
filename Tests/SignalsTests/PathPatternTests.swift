import Signals
import Testing

@Suite struct PathPatternTests {
    private func fits(_ pattern: String, _ path: String) -> Bool? {
        PathPattern(pattern).map { pattern in Array(path.utf8).withUnsafeBytes { pattern.matches($0) } }
    }

    @Test(
        arguments: [
            ("/healthz", "/healthz", true), ("/healthz", "/healthz?full=1", true), ("/healthz", "/healthz/x", false),
            ("/health*", "/healthz/live", true), ("*/health*", "/api/v1/health", true), ("/?", "/a", true),
            ("/?", "/ab", false), ("/[a-c]x", "/bx", true), ("/[!a-c]x", "/bx", false),
            ("/{live,ready}z", "/readyz", true),
            ("/{live,ready}z", "/deadz", false), ("/{a,b*}/c", "/bbb/c", true), ("\\*", "*", true), ("\\*", "x", false),
            ("", "", nil), ("/[a", "/a", nil), ("/{a", "/a", nil), ("/\\", "/", nil),
        ] as [(String, String, Bool?)])
    func patterns(_ pattern: String, _ path: String, _ expected: Bool?) {
        #expect(fits(pattern, path) == expected, "\(pattern) \(path)")
    }

    @Test func `choices in choices, and many stars`() {
        #expect(fits("{a{b,c{d,}},*x}?", "acde") == true)
        #expect(fits("{a{b,c{d,}},*x}?", "ace") == true)
        #expect(fits("{a{b,c{d,}},*x}?", "yyxe") == true)
        #expect(fits("{a{b,c{d,}},*x}?", "ae") == false)
        #expect(fits("{,a}", "") == true)
        #expect(fits(String(repeating: "*a", count: 100) + "*", String(repeating: "ba", count: 100)) == true)
        #expect(fits(String(repeating: "*a", count: 101), String(repeating: "ba", count: 100)) == false)
    }

    @Test func `a hostile path costs little`() {
        let start = ContinuousClock.now
        #expect(fits(String(repeating: "*a", count: 200), "/" + String(repeating: "a", count: 150)) == false)
        // What a fuzzer found.
        #expect(fits("****{\u{1}t\u{2}t[a]atingmm}", "a?") == false)
        let choices = String(repeating: "*{a,b,ab}", count: 100)
        #expect(fits(choices, String(repeating: "ab", count: 500) + "c") == false)
        #expect(ContinuousClock.now - start < .seconds(2))
    }
}
