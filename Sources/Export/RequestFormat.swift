import Wire

/// What the body of a request is before compression. The numbers are those of docs/spool.md.
enum RequestFormat: UInt8, Sendable, CaseIterable {
    case remoteWrite = 0
    case remoteWrite2 = 1
    case otlp = 2
    case otlpLogs = 3
    case otlpTraces = 4

    init(_ metricsProtocol: MetricsProtocol) {
        self =
            switch metricsProtocol {
            case .remoteWrite: .remoteWrite
            case .remoteWrite2: .remoteWrite2
            case .otlp: .otlp
            }
    }

    /// Nil for logs and traces.
    var metricsProtocol: MetricsProtocol? {
        switch self {
        case .remoteWrite: .remoteWrite
        case .remoteWrite2: .remoteWrite2
        case .otlp: .otlp
        case .otlpLogs, .otlpTraces: nil
        }
    }

    /// How a request is cut in two.
    var halves: RequestHalves.Form {
        switch self {
        case .remoteWrite: .remoteWrite
        case .remoteWrite2: .remoteWrite2
        case .otlp: .otlpMetrics
        case .otlpLogs, .otlpTraces: .otlpItems
        }
    }

    var isOTLP: Bool { self != .remoteWrite && self != .remoteWrite2 }

    /// The value of the Content-Type header.
    var contentType: String { metricsProtocol?.contentType ?? MetricsProtocol.otlp.contentType }

    /// Headers that say which version of the protocol this is.
    var versionHeaders: [(name: String, value: String)] { metricsProtocol?.versionHeaders ?? [] }

    /// For messages.
    var name: String {
        switch self {
        case .otlpLogs: "otlp logs"
        case .otlpTraces: "otlp traces"
        default: metricsProtocol?.rawValue ?? ""
        }
    }
}
