internal import GPU
internal import Metrics

extension Container {
    /// GPUs that one container is shown with.
    private static let maximumGPUs = 1024
    /// Figures that are older are not shown: the driver does not answer. In nanoseconds.
    private static let gpuFreshness: UInt64 = 15_000_000_000

    /// What the container's processes do on GPUs, all of them; `time` is CLOCK_BOOTTIME.
    func update(gpu processes: [GPUProcess], at time: UInt64) {
        var usage: [String: GPUUsage] = [:]
        for process in processes {
            guard usage[process.gpu] != nil || usage.count < Self.maximumGPUs else {
                context.drops.add("container_gpus_full")
                continue
            }
            var sum = usage[process.gpu] ?? GPUUsage()
            sum.usagePercent = Self.sum(sum.usagePercent, process.usagePercent)
            sum.memoryUsagePercent = Self.sum(sum.memoryUsagePercent, process.memoryUsagePercent)
            if let bytes = process.memoryBytes { sum.memoryBytes = (sum.memoryBytes ?? 0) &+ bytes }
            usage[process.gpu] = sum
        }
        gpuUsage = usage
        gpuTime = time
        if usage.isEmpty { gpuLabels.removeAll() }
    }

    private static func sum(_ left: Double?, _ right: Double?) -> Double? {
        guard let right else { return left }
        return (left ?? 0) + right
    }

    func emitGPUs(into snapshot: inout MetricsSnapshot, _ labels: LabelSet, now: UInt64) {
        guard !gpuUsage.isEmpty, now < gpuTime + Self.gpuFreshness else { return }
        for (uuid, usage) in gpuUsage {
            let set = gpuLabels[uuid] ?? labels.adding([("gpu_uuid", uuid)])
            gpuLabels[uuid] = set
            if let value = usage.usagePercent { snapshot.add(.containerResourcesGpuUsagePercent, set, value) }
            if let value = usage.memoryUsagePercent {
                snapshot.add(.containerResourcesGpuMemoryUsagePercent, set, value)
            }
            if let value = usage.memoryBytes { snapshot.add(.martletContainerGpuMemoryBytes, set, Double(value)) }
        }
    }
}
