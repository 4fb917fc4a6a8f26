/// What one process does on one GPU or MIG instance.
public struct GPUProcess: Sendable, Hashable {
    /// In the host's pid namespace.
    public let pid: UInt32
    /// The label `gpu_uuid`.
    public let gpu: String
    /// Utilisation over the last 15 seconds in percent; nil where the device does not tell (MIG).
    public var usagePercent: Double?
    public var memoryUsagePercent: Double?
    /// Memory of the device that the process holds, in bytes.
    public var memoryBytes: UInt64?

    public init(pid: UInt32, gpu: String) {
        self.pid = pid
        self.gpu = gpu
    }
}
