/// How serious a message is. The names are those of `container_log_messages_total` and of OTLP's severity text.
public enum LogLevel: UInt8, Sendable, CaseIterable {
    case unknown, critical, error, warning, info, debug

    public var name: StaticString {
        switch self {
        case .unknown: "unknown"
        case .critical: "critical"
        case .error: "error"
        case .warning: "warning"
        case .info: "info"
        case .debug: "debug"
        }
    }

    /// SeverityNumber of the OpenTelemetry log data model; 0 is "unspecified".
    public var severityNumber: UInt8 {
        switch self {
        case .unknown: 0
        case .critical: 21
        case .error: 17
        case .warning: 13
        case .info: 9
        case .debug: 5
        }
    }

    /// Whether messages of this level are told apart by pattern.
    public var hasPatterns: Bool { self == .critical || self == .error || self == .warning }

    /// The level of a syslog priority (RFC 5424, 6.2.1), such as journald keeps.
    public init(priority: UInt8) {
        switch priority {
        case 0...2: self = .critical
        case 3: self = .error
        case 4: self = .warning
        case 5, 6: self = .info
        case 7: self = .debug
        default: self = .unknown
        }
    }
}
