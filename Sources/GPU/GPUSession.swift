internal import CNVML

/// NVML between its initialisation and its end, with the devices that it knows. Used by the thread of the collector only.
struct GPUSession: ~Copyable {
    private static let maximumDevices = 256
    /// Polls, of one second each, between two looks at which devices there are and at what changes slowly.
    private static let refreshInterval: UInt64 = 5

    private let nvml: NVML
    private let driverVersion: String
    private var devices: [GPUDevice] = []
    private var polls: UInt64 = 0

    init(path: String) throws(NVMLError) {
        nvml = try NVML(path: path)
        driverVersion = (try? nvml.driverVersion()) ?? ""
    }

    /// Reads all devices. `second` counts seconds of the monotonic clock.
    mutating func poll(at second: UInt64) throws(NVMLError) -> GPUReading {
        let isRefresh = polls % Self.refreshInterval == 0
        if isRefresh { try enumerate() }
        var result = GPUReading()
        result.driverVersion = driverVersion
        for index in devices.indices {
            try devices[index].sample(nvml, at: second)
            if isRefresh { try devices[index].refresh(nvml) }
            if !devices[index].isLost { devices[index].report(into: &result, at: second) }
        }
        devices.removeAll { $0.isLost }
        polls += 1
        return result
    }

    /// Takes up new devices and forgets those that are gone; one that stays keeps what is known of it.
    private mutating func enumerate() throws(NVMLError) {
        var found: [GPUDevice] = []
        for index in 0..<min(try nvml.deviceCount(), Self.maximumDevices) {
            let device: GPUDevice
            do throws(NVMLError) { device = try GPUDevice(nvml, index: index) } catch {
                if error.endsSession { throw error }
                continue
            }
            found.append(devices.first { $0.uuid == device.uuid } ?? device)
        }
        devices = found
    }
}
