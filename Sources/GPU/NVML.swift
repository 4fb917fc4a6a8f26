internal import CNVML

/// NVML, loaded and initialised; shut down and unloaded with this owner. Every call may block for seconds.
struct NVML: ~Copyable {
    /// Processes of one device that are looked at.
    static let maximumProcesses = 4096
    /// Samples that one call takes; what is left comes with the next one.
    static let maximumSamples = 256

    private var functions: martlet_nvml
    /// Made once: a poll allocates none.
    private let processSamples = UnsafeMutableBufferPointer<martlet_nvml_process_sample>.allocate(
        capacity: maximumProcesses)
    private let processes = UnsafeMutableBufferPointer<martlet_nvml_process>.allocate(capacity: maximumProcesses)
    private let samples = UnsafeMutableBufferPointer<martlet_nvml_sample>.allocate(capacity: maximumSamples)

    /// Loads the library at `path`, which the dynamic loader must be able to open.
    init(path: String) throws(NVMLError) {
        var functions = martlet_nvml()
        var problem = [CChar](repeating: 0, count: 256)
        guard martlet_nvml_open(path, &functions, &problem, UInt32(problem.count)) == 0 else {
            throw .notLoaded(Self.text(problem))
        }
        let code = functions.`init`?() ?? 13
        if code != 0 {
            martlet_nvml_close(&functions)
            throw .code(code)
        }
        self.functions = functions
    }

    deinit {
        var functions = self.functions
        _ = functions.shutdown?()
        martlet_nvml_close(&functions)
        processSamples.deallocate()
        processes.deallocate()
        samples.deallocate()
    }

    func driverVersion() throws(NVMLError) -> String {
        try text { buffer, size in functions.driver_version?(buffer, size) }
    }

    func deviceCount() throws(NVMLError) -> Int {
        var count: UInt32 = 0
        try check(functions.device_count?(&count))
        return Int(count)
    }

    func device(at index: Int) throws(NVMLError) -> martlet_nvml_device {
        var device: martlet_nvml_device?
        try check(functions.device_at?(UInt32(index), &device))
        guard let device else { throw .code(6) }
        return device
    }

    func uuid(of device: martlet_nvml_device) throws(NVMLError) -> String {
        try text { buffer, size in functions.uuid?(device, buffer, size) }
    }

    func name(of device: martlet_nvml_device) throws(NVMLError) -> String {
        try text { buffer, size in functions.name?(device, buffer, size) }
    }

    /// Bytes.
    func memory(of device: martlet_nvml_device) throws(NVMLError) -> (total: UInt64, used: UInt64) {
        var memory = martlet_nvml_memory()
        try check(functions.memory?(device, &memory))
        return (memory.total, memory.used)
    }

    /// Degrees Celsius.
    func temperature(of device: martlet_nvml_device) throws(NVMLError) -> UInt32 {
        var celsius: UInt32 = 0
        try check(functions.temperature?(device, Int32(MARTLET_NVML_TEMPERATURE_GPU), &celsius))
        return celsius
    }

    /// Milliwatts.
    func power(of device: martlet_nvml_device) throws(NVMLError) -> UInt32 {
        var milliwatts: UInt32 = 0
        try check(functions.power?(device, &milliwatts))
        return milliwatts
    }

    enum Utilization {
        case gpu
        case memory
    }

    /// Calls `body` with each sample, in percent, that is newer than `time` (microseconds of the driver), and moves `time`
    /// on. Nothing new is no error.
    func samples(
        _ kind: Utilization, of device: martlet_nvml_device, after time: inout UInt64, _ body: (UInt32) -> Void
    ) throws(NVMLError) {
        let code = kind == .gpu ? MARTLET_NVML_GPU_UTILIZATION_SAMPLES : MARTLET_NVML_MEMORY_UTILIZATION_SAMPLES
        var type: Int32 = 0
        var count = UInt32(samples.count)
        guard
            try found(
                functions.samples?(device, Int32(code), time, &type, &count, samples.baseAddress))
        else { return }
        guard type == Int32(MARTLET_NVML_UINT) else { throw .code(3) }
        let since = time
        for sample in samples.prefix(Int(count)) where sample.time_us > since {
            time = max(time, sample.time_us)
            body(min(sample.value, 100))
        }
    }

    /// Calls `body` with each process that used the device since `time` (microseconds of the driver): its id in the host's
    /// pid namespace, and the utilisation of the multiprocessors and of the memory interface in percent. Moves `time` on.
    func processUtilization(
        of device: martlet_nvml_device, after time: inout UInt64,
        _ body: (_ pid: UInt32, _ sm: UInt32, _ memory: UInt32) -> Void
    ) throws(NVMLError) {
        var count = UInt32(processSamples.count)
        guard
            try found(
                functions.process_utilization?(device, processSamples.baseAddress, &count, time))
        else { return }
        let since = time
        for sample in processSamples.prefix(Int(count)) where sample.time_us > since {
            time = max(time, sample.time_us)
            body(sample.pid, min(sample.sm, 100), min(sample.memory, 100))
        }
    }

    /// Calls `body` with each compute process on the device and its memory in bytes; nil where the driver cannot tell.
    func computeProcesses(
        of device: martlet_nvml_device, _ body: (_ pid: UInt32, _ memory: UInt64?) -> Void
    ) throws(NVMLError) {
        var count = UInt32(processes.count)
        try check(functions.compute_processes?(device, &count, processes.baseAddress))
        for process in processes.prefix(Int(count)) {
            // All ones stand for "not available".
            body(process.pid, process.used_memory == .max ? nil : process.used_memory)
        }
    }

    /// The handles of the MIG instances of a device, at most `limit`; nil where it is not in MIG mode. Handles do not outlive
    /// a change of the instances.
    func migDevices(of device: martlet_nvml_device, limit: Int) throws(NVMLError) -> [martlet_nvml_device]? {
        var (current, pending): (UInt32, UInt32) = (0, 0)
        guard let code = functions.mig_mode?(device, &current, &pending), code == 0, current == 1 else { return nil }
        var count: UInt32 = 0
        try check(functions.mig_count?(device, &count))
        var found: [martlet_nvml_device] = []
        for index in 0..<min(count, UInt32(limit)) {
            var mig: martlet_nvml_device?
            // Instances need not be numbered without gaps.
            if functions.mig_device_at?(device, index, &mig) == 0, let mig { found.append(mig) }
        }
        return found
    }

    private func check(_ code: Int32?) throws(NVMLError) {
        guard let code else { throw .functionNotFound }
        guard code == 0 else { throw .code(code) }
    }

    /// False for NOT_FOUND and NO_DATA.
    private func found(_ code: Int32?) throws(NVMLError) -> Bool {
        if code == 6 || code == 21 { return false }
        try check(code)
        return true
    }

    private func text(_ read: (UnsafeMutablePointer<CChar>?, UInt32) -> Int32?) throws(NVMLError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(MARTLET_NVML_TEXT_SIZE))
        let size = UInt32(buffer.count)
        try check(buffer.withUnsafeMutableBufferPointer { read($0.baseAddress, size) })
        return Self.text(buffer)
    }

    private static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
