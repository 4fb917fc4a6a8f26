internal import CNVML

/// A GPU with what is remembered of it between two polls. Used by the thread of the collector only.
struct GPUDevice {
    private struct Process {
        var sm = SampleWindow()
        var memory = SampleWindow()
        var memoryBytes: UInt64?
        var isListed = false
    }

    /// A MIG instance: it has memory and processes, and no utilisation.
    private struct Instance {
        var reading: GPUReading.Device
        var processes: [(pid: UInt32, memory: UInt64?)]
    }

    private static let maximumInstances = 64

    private let handle: martlet_nvml_device
    private var reading: GPUReading.Device
    private var utilization = SampleWindow()
    private var memoryUtilization = SampleWindow()
    /// Time of the newest sample seen, for each source of its own, in microseconds of the driver.
    private var lastUtilization: UInt64 = 0
    private var lastMemoryUtilization: UInt64 = 0
    private var lastProcess: UInt64 = 0
    private var hasUtilization = true
    private var hasMemoryUtilization = true
    private var hasProcessUtilization = true
    private var processes: [UInt32: Process] = [:]
    private var instances: [Instance] = []
    private(set) var isLost = false
    /// Processes that found no room since the last report.
    private var dropped = 0

    init(_ nvml: borrowing NVML, index: Int) throws(NVMLError) {
        handle = try nvml.device(at: index)
        let uuid = try nvml.uuid(of: handle)
        reading = GPUReading.Device(uuid: uuid, name: (try? nvml.name(of: handle)) ?? "")
    }

    var uuid: String { reading.uuid }

    /// What changes fast, every second.
    mutating func sample(_ nvml: borrowing NVML, at second: UInt64) throws(NVMLError) {
        if hasUtilization {
            var window = utilization
            do throws(NVMLError) {
                try nvml.samples(.gpu, of: handle, after: &lastUtilization) { window.add($0, at: second) }
            } catch { hasUtilization = try isOffered(error) }
            utilization = window
        }
        if hasMemoryUtilization {
            var window = memoryUtilization
            do throws(NVMLError) {
                try nvml.samples(.memory, of: handle, after: &lastMemoryUtilization) { window.add($0, at: second) }
            } catch { hasMemoryUtilization = try isOffered(error) }
            memoryUtilization = window
        }
        guard hasProcessUtilization else { return }
        var (known, full) = (processes, 0)
        defer { dropped += full }
        processes = [:]
        do throws(NVMLError) {
            try nvml.processUtilization(of: handle, after: &lastProcess) { pid, sm, memory in
                guard sm > 0 else { return }
                guard known[pid] != nil || known.count < NVML.maximumProcesses else {
                    full += 1
                    return
                }
                known[pid, default: Process()].sm.add(sm, at: second)
                known[pid, default: Process()].memory.add(memory, at: second)
            }
        } catch {
            processes = known
            hasProcessUtilization = try isOffered(error)
            return
        }
        processes = known
    }

    /// What changes slowly, every few seconds.
    mutating func refresh(_ nvml: borrowing NVML) throws(NVMLError) {
        do throws(NVMLError) { reading.memory = try nvml.memory(of: handle) } catch {
            reading.memory = nil
            _ = try isOffered(error)
        }
        do throws(NVMLError) { reading.temperature = try nvml.temperature(of: handle) } catch {
            reading.temperature = nil
            _ = try isOffered(error)
        }
        do throws(NVMLError) { reading.milliwatts = try nvml.power(of: handle) } catch {
            reading.milliwatts = nil
            _ = try isOffered(error)
        }
        instances = []
        for pid in processes.keys {
            processes[pid]?.isListed = false
            processes[pid]?.memoryBytes = nil
        }
        let migs = try nvml.migDevices(of: handle, limit: Self.maximumInstances)
        guard let migs else {
            var (known, full) = (processes, 0)
            defer { dropped += full }
            do throws(NVMLError) {
                try nvml.computeProcesses(of: handle) { pid, memory in
                    guard known[pid] != nil || known.count < NVML.maximumProcesses else {
                        full += 1
                        return
                    }
                    known[pid, default: Process()].memoryBytes = memory
                    known[pid, default: Process()].isListed = true
                }
            } catch { _ = try isOffered(error) }
            processes = known
            return
        }
        for mig in migs {
            guard let uuid = try? nvml.uuid(of: mig) else { continue }
            var found: [(pid: UInt32, memory: UInt64?)] = []
            try? nvml.computeProcesses(of: mig) { found.append(($0, $1)) }
            var device = GPUReading.Device(uuid: uuid, name: (try? nvml.name(of: mig)) ?? "")
            device.memory = try? nvml.memory(of: mig)
            instances.append(Instance(reading: device, processes: found))
        }
    }

    /// Adds what is known at `second`, and forgets processes that have done nothing for the whole window.
    mutating func report(into result: inout GPUReading, at second: UInt64) {
        var device = reading
        device.utilization = Self.summary(utilization, at: second)
        device.memoryUtilization = Self.summary(memoryUtilization, at: second)
        result.devices.append(device)
        result.dropped += dropped
        dropped = 0
        for (pid, process) in processes {
            let sm = process.sm.total(at: second)
            guard process.isListed || sm.count > 0 else {
                processes[pid] = nil
                continue
            }
            var usage = GPUProcess(pid: pid, gpu: uuid)
            if hasProcessUtilization {
                usage.usagePercent = Double(sm.sum) / Double(SampleWindow.seconds)
                usage.memoryUsagePercent =
                    Double(process.memory.total(at: second).sum) / Double(SampleWindow.seconds)
            }
            usage.memoryBytes = process.memoryBytes
            result.add(usage)
        }
        for instance in instances {
            result.devices.append(instance.reading)
            for (pid, memory) in instance.processes {
                var usage = GPUProcess(pid: pid, gpu: instance.reading.uuid)
                usage.memoryBytes = memory
                result.add(usage)
            }
        }
    }

    private static func summary(_ window: SampleWindow, at second: UInt64) -> (average: Double, peak: Double)? {
        let total = window.total(at: second)
        return total.count == 0 ? nil : (Double(total.sum) / Double(total.count), Double(total.peak))
    }

    /// Whether a failed call may succeed another time. Throws what ends the session; a lost device is marked.
    private mutating func isOffered(_ error: NVMLError) throws(NVMLError) -> Bool {
        if error.endsSession { throw error }
        if error.endsDevice { isLost = true }
        // NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND
        return error != .code(3) && error != .code(4) && error != .functionNotFound
    }
}
