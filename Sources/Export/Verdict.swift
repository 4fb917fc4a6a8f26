import Wire

/// What becomes of a request after the receiver's answer.
enum Verdict: Sendable, Equatable {
    /// The receiver has it, but for `missing` samples that it says it did not store.
    case taken(missing: Int, reason: String)
    /// The receiver does not take its form; `isUnsupported`: it said so expressly.
    case otherForm(isUnsupported: Bool, reason: String)
    /// The receiver finds the request too large.
    case tooLarge(reason: String)
    /// The receiver will not take this request, ever.
    case refused(String)
    /// Something that may pass; the seconds are the server's wish.
    case failed(String, retryAfter: Int?)

    /// Judges by status and headers: prometheus.io/docs/specs/prw/remote_write_spec_2_0 ("Required Written Response Headers"),
    /// opentelemetry.io/docs/specs/otlp (OTLP/HTTP response).
    static func of(_ response: HTTPResponse, to packaging: Packaging, samples: Int) -> Verdict {
        let words = response.reason.isEmpty ? "" : ": \(response.reason)"
        let answer = "the server answered \(response.status)\(words)"
        switch response.status {
        case 200..<300:
            switch packaging.format {
            case .remoteWrite: return .taken(missing: 0, reason: "")
            case .remoteWrite2: return written(response, samples)
            case .otlp, .otlpLogs, .otlpTraces: return partial(response, samples)
            }
        case 300..<400:
            let place = response.location.map { " to \($0)" } ?? ""
            return .failed("the server answered \(response.status) and points\(place); name that URL", retryAfter: nil)
        case 415: return .otherForm(isUnsupported: true, reason: answer)
        case 400: return .otherForm(isUnsupported: false, reason: answer)
        case 413: return .tooLarge(reason: answer)
        case 429, 500...: return .failed(answer, retryAfter: response.retryAfter)
        default: return .refused(answer)
        }
    }

    /// A receiver of 2.0 says how much it stored. One that says nothing took the request for one of 1.0, with nothing in it.
    private static func written(_ response: HTTPResponse, _ samples: Int) -> Verdict {
        guard let written = response.samplesWritten else {
            return .otherForm(
                isUnsupported: true,
                reason: "the server answered \(response.status) and does not say that it stored anything")
        }
        let missing = max(0, samples - max(0, written))
        return .taken(missing: missing, reason: "the server stored \(written) of \(samples)")
    }

    /// `ExportMetricsServiceResponse` and those of logs and traces alike: partial_success 1 with rejected_data_points,
    /// rejected_log_records or rejected_spans 1, error_message 2.
    private static func partial(_ response: HTTPResponse, _ samples: Int) -> Verdict {
        var missing: UInt64 = 0
        var reason = ""
        response.body.withUnsafeBytes { bytes in
            var outer = ProtobufReader(bytes)
            while let field = outer.next() {
                guard field.number == 1, let content = field.content else { continue }
                var inner = ProtobufReader(bytes, content)
                while let part = inner.next() {
                    if part.number == 1 { missing = part.number64 }
                    if part.number == 2, let text = part.content { reason = HTTPResponse.line(bytes[text]) }
                }
            }
        }
        return .taken(missing: Int(min(missing, UInt64(samples))), reason: reason)
    }
}
