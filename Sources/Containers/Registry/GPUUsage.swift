/// What the processes of one container do on one GPU together.
struct GPUUsage {
    /// Percent of the device, summed over processes; nil where the device does not tell.
    var usagePercent: Double?
    var memoryUsagePercent: Double?
    var memoryBytes: UInt64?
}
