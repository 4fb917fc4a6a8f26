import Glibc
import Testing

@testable import Export

/// Dates of HTTP headers.
@Suite struct HTTPDateTests {
    @Test func theExampleOfTheStandard() {
        // RFC 9110, 5.6.7; the number by `date -d`.
        #expect(HTTPDate("Sun, 06 Nov 1994 08:49:37 GMT")?.seconds == 784_111_777)
        #expect(HTTPDate("Thu, 01 Jan 1970 00:00:00 GMT")?.seconds == 0)
        #expect(HTTPDate("Sat, 31 Dec 2016 23:59:60 GMT")?.seconds == 1_483_228_800)
    }

    /// Four hundred years of days, against the C library.
    @Test func everyDay() {
        for day in stride(from: -70 * 365, to: 330 * 365, by: 1) {
            var moment = time_t(day * 86_400 + 12_345)
            var parts = tm()
            gmtime_r(&moment, &parts)
            var text = [CChar](repeating: 0, count: 64)
            let length = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            let bytes = text.prefix(length).map { UInt8(bitPattern: $0) }
            #expect(HTTPDate(String(decoding: bytes, as: UTF8.self))?.seconds == moment)
        }
    }

    @Test(arguments: [
        "", "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sün, 06 Nov 1994 08:49:3 GMT", "+1",
    ])
    func anythingElseIsNoDate(text: String) { #expect(HTTPDate(text) == nil) }
}
