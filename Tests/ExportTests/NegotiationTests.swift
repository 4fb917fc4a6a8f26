import Testing
import Wire

@testable import Export

@Suite struct NegotiationTests {
    @Test(
        arguments: [
            (nil, .prometheus004),
            ("", .prometheus004),
            ("*/*", .prometheus004),
            ("text/plain", .prometheus004),
            ("application/openmetrics-text", .openMetrics1),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics1),
            ("application/openmetrics-text;version=\"1.0.0\"", .openMetrics1),
            ("application/openmetrics-text;version=0.0.1", .prometheus004),
            ("Application/OpenMetrics-Text", .openMetrics1),
            ("application/openmetrics-text;q=0", .prometheus004),
            ("application/openmetrics-text;q=0.3,text/plain;q=0.5", .prometheus004),
            ("application/openmetrics-text;q=nonsense", .prometheus004),
            ("application/openmetrics-text;q=0.2,*/*;q=0.1", .openMetrics1),
            // What Prometheus 2.42 sends.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics1
            ),
            (",;,=;q=;;,", .prometheus004),
        ] as [(String?, TextFormat)])
    func formats(accept: String?, expected: TextFormat) {
        #expect(Negotiation.format(accept: accept) == expected)
    }

    @Test(
        arguments: [
            (nil, .identity),
            ("", .identity),
            ("gzip", .gzip),
            ("x-gzip", .gzip),
            ("zstd", .zstd),
            ("gzip, zstd", .zstd),
            ("gzip;q=1.0, zstd;q=0.5", .gzip),
            ("deflate, gzip, br", .gzip),
            ("br", .identity),
            ("*", .zstd),
            ("*;q=0.1, gzip;q=0.9", .gzip),
            ("gzip;q=0", .identity),
            ("gzip;q=0.5, identity", .identity),
            ("gzip;q=0.5, identity;q=0.2", .gzip),
            ("identity;q=0", nil),
            ("identity;q=0, br", nil),
            ("identity;q=0, gzip", .gzip),
            ("*;q=0", nil),
            ("*;q=0, zstd", .zstd),
            ("gzip;q=7", .gzip),
            ("gzip;q=nan", .identity),
        ] as [(String?, ContentCoding?)])
    func codings(header: String?, expected: ContentCoding?) {
        #expect(Negotiation.coding(acceptEncoding: header) == expected)
    }
}
