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

    @Test func `a hostile path costs little`() {
        let start = ContinuousClock.now
        #expect(fits(String(repeating: "*a", count: 200), "/" + String(repeating: "a", count: 150)) == false)
        #expect(ContinuousClock.now - start < .seconds(2))
    }
}
