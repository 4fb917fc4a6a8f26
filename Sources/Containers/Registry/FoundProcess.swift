/// A process that is older than the agent.
public struct FoundProcess: Sendable {
    public let pid: UInt32
    /// CLOCK_BOOTTIME in nanoseconds.
    public let start: UInt64
    /// Id in the cgroup2 tree.
    public let cgroup: UInt64
    /// Id in the v1 memory hierarchy; 0 if there is none.
    public let memoryCgroup: UInt64

    public init(pid: UInt32, start: UInt64, cgroup: UInt64, memoryCgroup: UInt64) {
        self.pid = pid
        self.start = start
        self.cgroup = cgroup
        self.memoryCgroup = memoryCgroup
    }
}
