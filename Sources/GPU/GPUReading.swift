internal import Linux
public import Metrics

/// All GPUs as they were at one moment.
public struct GPUReading: Sendable {
    /// One GPU or MIG instance. What the device or its driver does not offer is nil.
    struct Device: Sendable {
        let uuid: String
        let name: String
        var memory: (total: UInt64, used: UInt64)?
        var utilization: (average: Double, peak: Double)?
        var memoryUtilization: (average: Double, peak: Double)?
        var temperature: UInt32?
        var milliwatts: UInt32?
    }

    var driverVersion = ""
    var devices: [Device] = []
    private(set) var processes: [GPUProcess] = []
    /// Processes that found no room.
    var dropped = 0

    /// Processes on all GPUs together.
    private static let maximumProcesses = 16_384

    init() {}

    mutating func add(_ process: GPUProcess) {
        if processes.count < Self.maximumProcesses { processes.append(process) } else { dropped += 1 }
    }

    /// Adds the node's series.
    public func emit(into snapshot: inout MetricsSnapshot, common: LabelSet) {
        for device in devices {
            let labels = common.adding([("gpu_uuid", device.uuid)])
            snapshot.add(
                .nodeGpuInfo, labels.adding([("name", device.name), ("driver_version", driverVersion)]), 1)
            if let memory = device.memory {
                snapshot.add(.nodeResourcesGpuMemoryTotalBytes, labels, Double(memory.total))
                snapshot.add(.nodeResourcesGpuMemoryUsedBytes, labels, Double(memory.used))
            }
            if let value = device.memoryUtilization {
                snapshot.add(.nodeResourcesGpuMemoryUtilizationPercentAvg, labels, value.average)
                snapshot.add(.nodeResourcesGpuMemoryUtilizationPercentPeak, labels, value.peak)
            }
            if let value = device.utilization {
                snapshot.add(.nodeResourcesGpuUtilizationPercentAvg, labels, value.average)
                snapshot.add(.nodeResourcesGpuUtilizationPercentPeak, labels, value.peak)
            }
            if let value = device.temperature {
                snapshot.add(.nodeResourcesGpuTemperatureCelsius, labels, Double(value))
            }
            if let value = device.milliwatts {
                snapshot.add(.nodeResourcesGpuPowerUsageWatts, labels, Double(value) / 1000)
            }
        }
    }
}
