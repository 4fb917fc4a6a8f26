/// Signals that a process or a container does not want to be collected, by variables of its environment whose value contains
/// `disabled`, as coroot-node-agent reads them.
public struct SignalOptOut: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `COROOT_EBPF_PROFILING`.
    public static let profiles = SignalOptOut(rawValue: 1)
    /// `COROOT_LOG_MONITORING`.
    public static let logs = SignalOptOut(rawValue: 2)
    /// `COROOT_EBPF_TRACES`.
    public static let traces = SignalOptOut(rawValue: 4)

    static let names: [(variable: String, signal: String, option: SignalOptOut)] = [
        ("COROOT_EBPF_PROFILING", "profiles", .profiles), ("COROOT_LOG_MONITORING", "logs", .logs),
        ("COROOT_EBPF_TRACES", "traces", .traces),
    ]

    /// The signals that an environment opts out of; other variables mean nothing.
    public init(environment: [String: String]) {
        self = []
        for (variable, _, option) in Self.names where environment[variable]?.contains("disabled") == true {
            insert(option)
        }
    }

    /// The same of /proc/PID/environ (proc(5)): `NAME=value`, each ended by a zero byte.
    public init(environ bytes: ArraySlice<UInt8>) {
        self = []
        for entry in bytes.split(separator: 0) where entry.starts(with: "COROOT_".utf8) {
            for (variable, _, option) in Self.names where entry.starts(with: (variable + "=").utf8) {
                if entry.contains("disabled") { insert(option) }
            }
        }
    }
}
