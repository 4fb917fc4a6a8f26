/// What is to be known of a container by those who read its logs.
public struct LogRequest: Sendable {
    public let containerID: String
    public let serviceName: String
    /// Empty where the runtime writes no file.
    public let logPath: String
    /// The name of the systemd unit that it is; empty for containers.
    public let unit: String
    /// The runtime's id; empty for units.
    public let runtimeID: String
    /// Some of its live processes.
    public let processes: [UInt32]
    /// CLOCK_BOOTTIME of its first process.
    public let startedAt: UInt64
}
