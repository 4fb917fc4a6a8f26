import Containers
import Host
import Kernel
import Linux
import Metrics
import Ring
import Signals

/// The agent's parts between ring and series, wired as in the agent, without live events: of the kernel side only an
/// iterator that nobody calls is loaded.
struct Node {
    static let firstCgroup: UInt64 = 1 << 40

    let events: Lane
    let files: Lane
    let work: LaneWork
    let kernel: KernelSide
    let registry: Registry
    let drain: Drain
    private let discovery: Discovery

    /// - Parameter containers: systemd services that the registry knows, with cgroup ids from `firstCgroup` on.
    init(containers: Int) async throws {
        let layout = try CgroupLayout.detect()
        var configuration = KernelSide.Configuration(processors: 1, memoryHierarchy: 0)
        configuration.ringBytes = 4 << 20
        kernel = try KernelSide(configuration, wanted: [.processDiscovery])
        events = try Lane(name: "events")
        files = try Lane(name: "collector")
        try events.start()
        try files.start()
        let common = LabelSet([("machine_id", "0123456789abcdef0123456789abcdef"), ("system_uuid", "")])
        let (faults, drops) = (CounterTable(), CounterTable())
        let collector = ResourceCollector(lane: files, layout: layout, common: common, faults: faults)
        registry = Registry(
            lane: events,
            configuration: RegistryConfiguration(
                context: ContainerContext(
                    filter: ConnectionFilter(ephemeral: .none, tracked: []), hostNetns: 0, minimumAge: 0,
                    retention: 3_600_000_000_000, common: common, drops: drops, faults: faults),
                layout: layout, containerFilter: try ContainerFilter(),
                serviceFilter: SystemdServiceFilter(isEnabled: false)),
            resolver: MetadataResolver(), collector: collector)
        let connections = ConnectionSignal(lane: events, registry: registry)
        drain = Drain(
            lane: events, kernel: kernel, registry: registry,
            processSignal: ProcessSignal(lane: events, registry: registry),
            cgroupSignal: CgroupSignal(lane: events, registry: registry), connectionSignal: connections,
            fileSignal: FileSignal(lane: events, registry: registry))
        discovery = Discovery(
            lane: files, layout: layout, kernel: kernel, registry: registry, connectionSignal: connections,
            faults: faults)
        work = LaneWork(events)
        for index in 0..<containers {
            await registry.cgroupMade(
                hierarchy: 0, id: Self.firstCgroup + UInt64(index), path: "/system.slice/bench-\(index).service")
        }
    }

    /// Maps the rings. Upkeep is put off until after the benchmark.
    func startDrain() async throws {
        let hour: UInt64 = 3_600_000_000_000
        try await drain.start(upkeep: Drain.Upkeep(discovery: discovery, sampling: hour, collection: hour))
    }

    func stop() {
        events.stop()
        files.stop()
    }
}
