/// What one container's cgroups have used, at one moment. A value is nil where the kernel does not tell it.
public struct CgroupUsage: Sendable, Equatable {
    /// Time that tasks waited for a resource, in seconds since the cgroup was made (Documentation/accounting/psi.rst).
    public struct Pressure: Sendable, Equatable {
        /// At least one task waited.
        public var some: Double
        /// All tasks that were not idle waited.
        public var full: Double

        public init(some: Double, full: Double) {
            self.some = some
            self.full = full
        }
    }

    /// CPU limit in cores; nil if unlimited.
    public var cpuLimitCores: Double?
    public var cpuUsageSeconds: Double?
    public var cpuThrottledSeconds: Double?
    /// Anonymous memory and mapped file pages, in bytes.
    public var memoryRSS: UInt64?
    /// Page cache in bytes.
    public var memoryCache: UInt64?
    /// Memory limit in bytes; nil if unlimited.
    public var memoryLimit: UInt64?
    /// Pressure by resource: all three or none.
    public var cpuPressure: Pressure?
    public var memoryPressure: Pressure?
    public var ioPressure: Pressure?

    public init() {}
}
