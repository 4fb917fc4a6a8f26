import Testing

@testable import NodeAgent

@Suite struct GoDurationTests {
    @Test(arguments: [
        ("0", 0), ("0s", 0), ("-0", 0), ("+5s", 5_000_000_000), ("30s", 30_000_000_000), ("10m", 600_000_000_000),
        ("1h", 3_600_000_000_000), ("1h15m30.918s", 4_530_918_000_000), ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000), ("100ms", 100_000_000), ("3us", 3000), ("3\u{B5}s", 3000), ("3\u{3BC}s", 3000),
        ("7ns", 7), ("-2s", -2_000_000_000), ("0.0000000001s", 0), ("9223372036854775807ns", Int64.max),
        ("1.9999999999999999999999s", 1_999_999_999),
    ])
    func accepts(text: String, nanoseconds: Int64) {
        #expect(GoDuration(text)?.nanoseconds == nanoseconds)
    }

    @Test(arguments: [
        "", "soon", "15", "1.5", "s", ".s", "-", "+", "--1s", "1 s", " 1s", "1s ", "1d", "1S", "1.2.3s", "1e3s", "1s2",
        "9223372036854775808ns", "99999999999999999999999999h", "2562048h", "1\u{0}s", "١s", "\u{1F600}",
    ])
    func refuses(text: String) {
        #expect(GoDuration(text) == nil)
    }
}
