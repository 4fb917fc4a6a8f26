import CEvents
import Containers
import Host
import Kernel
import Linux
import Metrics
import Network
import Ring
import Signals

/// Everything between the kernel and the series, without the page.
struct Rig {
    let kernel: KernelSide
    let lane: Lane
    let files: Lane
    let registry: Registry
    let drain: Drain
    let requests: RequestSignal
    let collector: ResourceCollector
    let discovery: Discovery
    let fileScan: FileScan
    let drops = CounterTable()
    let faults = CounterTable()

    /// - Parameters:
    ///   - countsHTTP: whether the kernel counts plain HTTP/1 requests.
    ///   - drawnPart: the part of them that it hands over all the same.
    /// - Parameter hostNetns: of the namespace that stands for the host's; nil is the host's own.
    init(
        backend: Lane.Backend = .automatic, retention: UInt64 = 600_000_000_000, translations: Translations? = nil,
        hostNetns: UInt32? = nil, countsHTTP: Bool = true, drawnPart: Double? = nil
    ) async throws {
        let layout = try CgroupLayout.detect()
        var settings = KernelSide.Configuration(
            processors: 2, memoryHierarchy: layout.hierarchyID(of: .memory) ?? 0)
        settings.cgroupRoot = layout.v2Mount
        settings.countsHTTP = countsHTTP
        settings.drawnPart = drawnPart
        kernel = try KernelSide(settings)
        lane = try Lane(name: "events", backend: backend)
        files = try Lane(name: "files", backend: backend)
        try lane.start()
        try files.start()
        let context = ContainerContext(
            filter: ConnectionFilter(
                ephemeral: PortRanges("32768-60999") ?? .none, tracked: [CIDRBlock("0.0.0.0/0")].compactMap { $0 }),
            hostNetns: try hostNetns ?? UInt32(NetworkNamespace.inode(pid: HostProcess.pid())), minimumAge: 0,
            retention: retention, common: .empty, drops: drops, faults: faults, translations: translations)
        collector = ResourceCollector(lane: files, layout: layout, common: .empty, faults: faults)
        registry = Registry(
            lane: lane,
            configuration: RegistryConfiguration(
                context: context, layout: layout, containerFilter: try ContainerFilter(),
                serviceFilter: SystemdServiceFilter()),
            resolver: MetadataResolver(), collector: collector)
        let connections = ConnectionSignal(lane: lane, registry: registry)
        let fileSignal = FileSignal(lane: lane, registry: registry)
        requests = RequestSignal(
            lane: lane, kernel: kernel, registry: registry, connections: connections, settings: RequestSettings())
        drain = Drain(
            lane: lane, kernel: kernel, registry: registry,
            processSignal: ProcessSignal(lane: lane, registry: registry),
            cgroupSignal: CgroupSignal(lane: lane, registry: registry), connectionSignal: connections,
            requestSignal: requests, fileSignal: fileSignal)
        fileScan = FileScan(lane: files, kernel: kernel, signal: fileSignal, faults: faults)
        discovery = Discovery(
            lane: files, layout: layout, kernel: kernel, registry: registry, connectionSignal: connections,
            faults: faults)
    }

    /// Begins to drain and to read, and scans what is there.
    func start() async throws {
        try await drain.start(
            upkeep: Drain.Upkeep(discovery: discovery, sampling: 200_000_000, collection: 600_000_000_000))
        await collector.start(registry: registry, interval: 200_000_000)
        await fileScan.start(interval: 200_000_000)
        await discovery.run()
    }

    func stop() {
        files.stop()
        lane.stop()
    }

    /// The sum of a family's values for one container, further narrowed by one label.
    func value(_ family: MetricFamily, of id: String, _ label: (String, String)? = nil) async -> Double? {
        await drain.pass()
        await drain.pass()
        let samples = await registry.snapshot().series[family].filter { sample in
            sample.labels["container_id"] == id && (label.map { sample.labels[$0.0] == $0.1 } ?? true)
        }
        return samples.isEmpty ? nil : samples.reduce(0) { $0 + $1.value }
    }

    /// Waits until `value` is `expected`, at most two seconds; returns the last value seen.
    func wait(
        _ family: MetricFamily, of id: String, _ label: (String, String)? = nil, for expected: Double
    ) async -> Double? {
        var last: Double?
        for _ in 0..<40 {
            last = await value(family, of: id, label)
            if last == expected { return last }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return last
    }

    /// `martlet_dropped_total` for one reason.
    func dropped(_ reason: String) async -> Double? {
        await drain.snapshot(common: .empty)[.martletDroppedTotal].first { $0.labels["reason"] == reason }?.value
    }

    /// Records that the kernel could not hand over.
    var losses: UInt64 { kernel.losses().flatMap { $0 }.reduce(0, +) }

    /// The same for one reason.
    func losses(_ reason: martlet_loss) -> UInt64 { kernel.losses().reduce(0) { $0 + $1[Int(reason.rawValue)] } }
}
