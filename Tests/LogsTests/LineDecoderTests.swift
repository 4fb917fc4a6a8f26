import Foundation
import Testing

@testable import Logs

struct LineDecoderTests {
    private func decode(_ format: LogFormat, _ line: String) -> (LineDecoder.Result, String) {
        var decoder = LineDecoder(format)
        let bytes = Array(line.utf8)
        let result = decoder.read(bytes.span)
        return (result, text(decoder.text(of: bytes.span)))
    }

    @Test func docker() {
        let line = #"{"log":"a \"b\" \u003c\n","stream":"stderr","time":"2024-01-02T03:04:05.678Z"}"#
        let origin = LineOrigin(time: 1_704_164_645_678_000_000, stream: .stderr)
        #expect(decode(.docker, line) == (.line(origin), "a \"b\" <"))
        #expect(
            decode(.docker, #"{"log":"part","stream":"stdout","attrs":{"a":["b"]}}"#) == (
                .part(LineOrigin(stream: .stdout)), "part"
            ))
        for wrong in [
            "", "x", "{}", "{\"log\":1}", "{\"log\":\"x\"", "{\"log\":\"x\" \"a\":1}", "{\"stream\":\"stdout\"}",
        ] {
            #expect(decode(.docker, wrong).0 == .malformed, "\(wrong)")
        }
    }

    /// As the daemon writes it and with its members in another order, which is read member by member.
    @Test(arguments: [
        "", "a", "\\n", "a\\n", #"a \"b\" \\ \/ \t \n"#, #"\u003c\u00e9\n"#, #"\ud83d\ude00 \ud83d x\b\f\r\n"#,
        "eight by", "eight by\\n", "seven b\\n", "é and more than sixteen bytes\\n",
        #"\x"#, #"\u12"#, "\u{1}", #"\"#,
    ])
    func dockerInAnyOrder(text: String) {
        let time = #""time":"2024-01-02T03:04:05.678Z""#
        let usual = decode(.docker, #"{"log":"\#(text)","stream":"stdout",\#(time)}"#)
        let other = decode(.docker, #"{"stream":"stdout",\#(time),"log":"\#(text)"}"#)
        #expect(usual.0 == other.0)
        // Of a malformed line there is no text.
        if usual.0 != .malformed { #expect(usual.1 == other.1) }
    }

    /// Of the times of lines most are of one second, which is remembered.
    @Test func secondsThatChange() {
        var decoder = LineDecoder(.cri)
        for (time, seconds) in [
            ("2024-01-02T03:04:05.5Z", 1_704_164_645), ("2024-01-02T03:04:05.5Z", 1_704_164_645),
            ("2024-01-02T03:04:06.5Z", 1_704_164_646), ("2025-01-02T03:04:06.5Z", 1_735_787_046),
            ("2025-01-02T03:04:06.5+01:00", 1_735_783_446), ("2025-01-02T03:04:06.5Z", 1_735_787_046),
        ] {
            let origin = LineOrigin(time: UInt64(seconds) * 1_000_000_000 + 500_000_000, stream: .stdout)
            #expect(decoder.read(Array("\(time) stdout F x".utf8).span) == .line(origin), "\(time)")
            #expect(decoder.read(Array("2024-99-02T03:04:05Z stdout F x".utf8).span) == .malformed)
        }
    }

    @Test func cri() {
        let origin = LineOrigin(time: 1_475_713_029_669_794_202, stream: .stdout)
        #expect(decode(.cri, "2016-10-06T00:17:09.669794202Z stdout F a  b ") == (.line(origin), "a  b "))
        #expect(decode(.cri, "2016-10-06T00:17:09.669794202Z stdout P:x a") == (.part(origin), "a"))
        #expect(decode(.cri, "2016-10-06T02:17:09.669794202+02:00 stdout F ") == (.line(origin), ""))
        #expect(decode(.cri, "2016-10-06T00:17:09.669794202Z stdout F") == (.line(origin), ""))
        for wrong in [
            "", " ", "2016-10-06T00:17:09Z", "2016-10-06T00:17:09Z stdout", "2016-10-06T00:17:09Z stdout ",
            "2016-10-06T00:17:09Z stdin F x", "2016-10-06T00:17:09Z stdout X x", "2016-10-06T00:17:09Z stdout FX x",
            "2016-10-06 stdout F x", "2016-10-06T00:17:09Z stdout  x",
        ] {
            #expect(decode(.cri, wrong).0 == .malformed, "\(wrong)")
        }
    }

    @Test func journald() {
        let line = #"{"__REALTIME_TIMESTAMP":"1704164645678901","PRIORITY":"3","MESSAGE":"x","_PID":"1"}"#
        #expect(decode(.journald, line) == (.line(LineOrigin(time: 1_704_164_645_678_901_000, level: .error)), "x"))
        #expect(decode(.journald, #"{"PRIORITY":"3"}"#).0 == .malformed)
    }

    @Test func partsAreJoined() {
        let lines = [
            "2016-10-06T00:17:09Z stdout P one ", "2016-10-06T00:17:09Z stderr F other",
            "2016-10-06T00:17:10Z stdout P two ",
            "2016-10-06T00:17:11Z stdout F three", "2016-10-06T00:17:12Z stdout F next",
        ]
        #expect(
            messages(.cri, lines).map { [$0.body, String(describing: $0.stream)] }.sorted { $0[0] < $1[0] } == [
                ["next", "stdout"], ["one two three", "stdout"], ["other", "stderr"],
            ])
    }

    @Test(arguments: [
        "1970-01-01T00:00:00Z", "2000-02-29T23:59:59.999999999Z", "2100-03-01T00:00:00+01:00",
        "2024-12-31T23:59:59-11:30",
    ])
    func times(time: String) throws {
        let formatter = ISO8601DateFormatter()
        let whole = time.replacing(/\.[0-9]+/, with: "")
        let seconds = try #require(formatter.date(from: whole)).timeIntervalSince1970
        let fraction: UInt64 = time.contains(".") ? 999_999_999 : 0
        #expect(RFC3339.nanoseconds(Array(time.utf8).span) == UInt64(seconds) * 1_000_000_000 + fraction)
    }

    @Test(arguments: [
        "", "2024", "2024-01-02 03:04:05Z", "2024-13-02T03:04:05Z", "2024-00-02T03:04:05Z", "2024-01-32T03:04:05Z",
        "2024-01-02T24:04:05Z", "2024-01-02T03:60:05Z", "2024-01-02T03:04:61Z", "2024-01-02T03:04:05",
        "2024-01-02T03:04:05.Z",
        "2024-01-02T03:04:05+1:00", "2024-01-02T03:04:05Zx", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z",
        "2024-01-02T03:04:05+0100x",
    ])
    func wrongTimes(time: String) { #expect(RFC3339.nanoseconds(Array(time.utf8).span) == nil) }

    @Test func everyDay() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for day in stride(from: 0, to: 84_000, by: 13) {
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
            let time = String(format: "%04d-%02d-%02dT00:00:00Z", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
            #expect(RFC3339.nanoseconds(Array(time.utf8).span) == UInt64(day) * 86_400_000_000_000, "\(time)")
        }
    }
}
