extension ExchangeStatus {
    /// The value of the metrics' label `status`; nil where the exchange is not counted.
    ///
    /// Dashboards select by these values: they change for nobody. `unanswered` is the agent's own. The original's server side
    /// of DNS says `unknown` of every good answer; here both sides speak the same.
    public func label(for applicationProtocol: ApplicationProtocol, isInbound: Bool) -> StaticString? {
        switch self {
        case .http(let code): Self.httpClasses[min(Int(code) / 100, 6)]
        case .grpc(let code): Self.grpcCodes[code <= 16 ? Int(code) : 2]
        case .dns(let code):
            if Int(code) < Self.dnsCodes.count { Self.dnsCodes[Int(code)] } else if isInbound { "failed" } else { nil }
        case .zookeeper: isFailureOfZooKeeper ? "failed" : "ok"
        case .ok: applicationProtocol == .http1 || applicationProtocol == .http2 ? "2xx" : "ok"
        case .failed: applicationProtocol == .http1 || applicationProtocol == .http2 ? "5xx" : "failed"
        case .unknown: "unknown"
        case .unanswered: "unanswered"
        }
    }

    /// Whether a span of this exchange is an error: of the side that asked, or of the side that served, where the conventions
    /// of OpenTelemetry blame the asker for status codes 4xx and gRPC's like. That a name does not exist is a good answer.
    public func isError(isInbound: Bool = false) -> Bool {
        switch self {
        case .http(let code): code >= (isInbound ? 500 : 400)
        // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
        case .grpc(let code): isInbound ? [2, 4, 12, 13, 14, 15].contains(code) : code != 0
        case .dns(let code): code != 0 && code != 3
        case .zookeeper: isFailureOfZooKeeper
        case .ok, .unknown: false
        case .failed, .unanswered: true
        }
    }

    /// ZooKeeper: -1 to -9 are the system's own faults, -123 an operation that timed out; the others (no such node, bad version)
    /// are what the client asked for.
    private var isFailureOfZooKeeper: Bool {
        if case .zookeeper(let code) = self { return (-9 ... -1).contains(code) || code == -123 }
        return false
    }

    /// By the hundreds of the code.
    private static let httpClasses: [StaticString] = ["unknown", "1xx", "2xx", "3xx", "4xx", "5xx", "unknown"]

    /// By RCODE.
    private static let dnsCodes: [StaticString] = [
        "ok", "format_error", "servfail", "nxdomain", "not_implemented", "refused",
    ]

    /// By code; what is not among them is UNKNOWN.
    private static let grpcCodes: [StaticString] = [
        "grpc:OK", "grpc:CANCELLED", "grpc:UNKNOWN", "grpc:INVALID_ARGUMENT", "grpc:DEADLINE_EXCEEDED",
        "grpc:NOT_FOUND",
        "grpc:ALREADY_EXISTS", "grpc:PERMISSION_DENIED", "grpc:RESOURCE_EXHAUSTED", "grpc:FAILED_PRECONDITION",
        "grpc:ABORTED", "grpc:OUT_OF_RANGE", "grpc:UNIMPLEMENTED", "grpc:INTERNAL", "grpc:UNAVAILABLE",
        "grpc:DATA_LOSS",
        "grpc:UNAUTHENTICATED",
    ]
}
