import Testing
import Wire

@testable import Export

/// What answers mean.
@Suite struct VerdictTests {
    private let one = Packaging(metricsProtocol: .remoteWrite, coding: .snappy)
    private let two = Packaging(metricsProtocol: .remoteWrite2, coding: .snappy)
    private let otlp = Packaging(metricsProtocol: .otlp, coding: .gzip)
    private let header = "X-Prometheus-Remote-Write-Samples-Written"

    @Test func remoteWrite2CountsWhatWasWritten() {
        func verdict(_ written: String?) -> Verdict {
            .of(HTTPResponse(status: 204, headers: written.map { [header: $0] } ?? [:]), to: two, samples: 10)
        }
        #expect(verdict("10") == .taken(missing: 0, reason: "the server stored 10 of 10"))
        #expect(verdict("7") == .taken(missing: 3, reason: "the server stored 7 of 10"))
        #expect(verdict("-7") == .taken(missing: 10, reason: "the server stored -7 of 10"))
        #expect(verdict("99999999999999999999") == verdict(nil))
        guard case .otherForm(isUnsupported: true, _) = verdict(nil) else {
            Issue.record("\(verdict(nil))")
            return
        }
        #expect(Verdict.of(HTTPResponse(status: 204), to: one, samples: 10) == .taken(missing: 0, reason: ""))
    }

    @Test func otlpTakesAPart() {
        // partial_success { rejected_data_points: 300, error_message: "too old" }
        let body: [UInt8] = [0x0A, 12, 0x08, 0xAC, 0x02, 0x12, 7] + Array("too old".utf8)
        func verdict(_ body: [UInt8]) -> Verdict {
            .of(HTTPResponse(status: 200, headers: [:], body: body), to: otlp, samples: 1000)
        }
        #expect(verdict(body) == .taken(missing: 300, reason: "too old"))
        #expect(verdict([]) == .taken(missing: 0, reason: ""))
        // Hostile answers: cut, a count beyond what was sent, no protobuf.
        for length in 0..<body.count { _ = verdict(Array(body[..<length])) }
        let huge: [UInt8] = [0x0A, 11, 0x08] + [UInt8](repeating: 0xFF, count: 9) + [1]
        #expect(verdict(huge) == .taken(missing: 1000, reason: ""))
        #expect(verdict(Array("{\"partialSuccess\":{}}".utf8)) == .taken(missing: 0, reason: ""))
    }

    @Test func otlpSaysWhyInAStatus() {
        let body: [UInt8] = [0x08, 3, 0x12, 3] + Array("bad".utf8)
        let response = HTTPResponse(status: 422, headers: ["Content-Type": "application/x-protobuf"], body: body)
        #expect(Verdict.of(response, to: otlp, samples: 1) == .refused("the server answered 422: bad"))
    }

    @Test func othersAreFailuresOrRefusals() {
        func verdict(_ status: Int, _ headers: [(String, String)] = []) -> Verdict {
            .of(HTTPResponse(status: status, headers: .init(headers)), to: one, samples: 1)
        }
        #expect(verdict(429, [("Retry-After", "7")]) == .failed("the server answered 429", retryAfter: 7))
        // Ten minutes by the server's clock, whatever that shows.
        let later = "Sun, 06 Nov 1994 08:59:37 GMT"
        #expect(
            verdict(503, [("Retry-After", later), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")])
                == .failed("the server answered 503", retryAfter: 600))
        #expect(verdict(503, [("Retry-After", later)]) == .failed("the server answered 503", retryAfter: 0))
        #expect(verdict(503, [("Retry-After", "soon")]) == .failed("the server answered 503", retryAfter: nil))
        #expect(verdict(413) == .tooLarge(reason: "the server answered 413"))
        #expect(verdict(503) == .failed("the server answered 503", retryAfter: nil))
        #expect(verdict(401) == .refused("the server answered 401"))
        #expect(
            verdict(308, [("Location", "https://b/")])
                == .failed("the server answered 308 and points to https://b/; name that URL", retryAfter: nil))
        #expect(verdict(415) == .otherForm(isUnsupported: true, reason: "the server answered 415"))
        #expect(verdict(400) == .otherForm(isUnsupported: false, reason: "the server answered 400"))
    }
}
