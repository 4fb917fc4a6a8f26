public import Host
internal import Linux
public import Metrics
public import Ring

/// Reads what the kernel offers only as files: cgroup counters, the node's counters, addresses of namespaces.
///
/// Lives on a lane of its own, so that a slow file delays neither events nor scrapes; a scrape reads what was read last.
public actor ResourceCollector {
    /// One container's counters.
    struct Reading: Sendable {
        let container: Container
        let usage: CgroupUsage
    }

    private struct Tracked {
        let container: Container
        let readers: Readers
    }

    private static let youngInterval: UInt64 = 500_000_000
    private static let youngAge: UInt64 = 3_000_000_000
    /// How old a limit may be, give or take one reading.
    private static let limitLifetime: UInt64 = 20_000_000_000
    /// How often file systems are asked how full they are.
    private static let usageInterval: UInt64 = 15_000_000_000

    /// Readers own descriptors and cannot be copied; a dictionary's values can.
    private final class Readers {
        var usage: CgroupReader
        var io: CgroupIO
        init(usage: consuming CgroupReader, io: consuming CgroupIO) {
            self.usage = usage
            self.io = io
        }
    }

    /// Addresses of one network namespace; reading them costs a thread and two netlink dumps.
    private struct Addresses {
        static let lifetime: UInt64 = 30_000_000_000
        var list: [NetworkNamespace.LocalAddress]
        /// CLOCK_MONOTONIC.
        var readAt: UInt64?

        var isStale: Bool { readAt.map { MonotonicClock.now() - $0 > Self.lifetime } ?? true }
    }

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let layout: CgroupLayout
    private let node: NodeCollector
    private let common: LabelSet
    private let faults: CounterTable
    private let base: CgroupPaths?
    private var tracked: [ObjectIdentifier: Tracked] = [:]
    /// Those that have just begun, with the time (CLOCK_MONOTONIC) since when they are tracked.
    private var young: [ObjectIdentifier: UInt64] = [:]
    private var nodeSeries = MetricsSnapshot(timestamp: 0)
    private var addresses: [UInt32: Addresses] = [:]
    private var hostAddresses = Addresses(list: [], readAt: nil)
    private var readNanoseconds: UInt64 = 0
    private let disks: DiskReader
    private let delays: DelayReader
    private var isInspecting = false

    public init(lane: Lane, layout: CgroupLayout, common: LabelSet, faults: CounterTable) {
        self.lane = lane
        self.layout = layout
        self.common = common
        self.faults = faults
        node = NodeCollector()
        disks = DiskReader(faults: faults, usageInterval: Self.usageInterval)
        delays = DelayReader(faults: faults)
        base = (try? CgroupNamespace.base()) ?? nil
    }

    /// Reads the container's cgroup from now on. `pid` is a process in it, which tells its path in each hierarchy; without
    /// one the path is taken to be `root` everywhere.
    public func track(_ container: Container, root: String, pid: Int32?) {
        var paths = CgroupPaths()
        if let pid, let read = try? CgroupPaths.read(pid: pid, base: base) { paths = read }
        let readers = Readers(
            usage: CgroupReader(
                layout: layout, v2Path: Self.path(paths.v2, root),
                cpuPath: Self.path(paths.cpu ?? paths.cpuacct, root), memoryPath: Self.path(paths.memory, root),
                limitInterval: limitInterval),
            io: CgroupIO(layout: layout, v2Path: Self.path(paths.v2, root), blkioPath: Self.path(paths.blkio, root)))
        tracked[ObjectIdentifier(container)] = Tracked(container: container, readers: readers)
        young[ObjectIdentifier(container)] = MonotonicClock.now()
        deliver([Reading(container: container, usage: readers.usage.read())])
    }

    public func untrack(_ container: Container) {
        tracked[ObjectIdentifier(container)] = nil
        young[ObjectIdentifier(container)] = nil
    }

    /// A process may sit in a cgroup below the container's own.
    private static func path(_ path: String?, _ root: String) -> String {
        guard let path, !path.hasPrefix(root) else { return root }
        return path
    }

    private var deliverTo: Registry?
    /// Readings from one look at limits to the next.
    private var limitInterval = 1

    /// Reads everything once now, and from then on every `interval` nanoseconds.
    public func start(registry: Registry, interval: UInt64) {
        deliverTo = registry
        limitInterval = Int((Self.limitLifetime + interval - 1) / max(interval, 1))
        readNode()
        lane.addTimer(after: 0) { [self] in
            assumeIsolated { $0.collect() }
            return interval
        }
        lane.addTimer(after: min(interval / 5, 1_000_000_000)) { [self] in
            assumeIsolated { $0.inspect() }
            return interval
        }
        lane.addTimer(after: Self.youngInterval) { [self] in
            assumeIsolated { $0.collectYoung() }
            return Self.youngInterval
        }
        lane.addTimer(after: 0) { [self] in
            assumeIsolated { $0.refreshAddresses() }
            return min(interval, max(interval / 3, 2_000_000_000))
        }
    }

    private func collect() {
        let begin = MonotonicClock.threadCPU()
        readNode()
        var readings: [Reading] = []
        readings.reserveCapacity(tracked.count)
        for entry in tracked.values where !entry.readers.usage.isGone {
            readings.append(Reading(container: entry.container, usage: entry.readers.usage.read()))
        }
        deliver(readings)
        readNanoseconds += MonotonicClock.threadCPU() - begin
    }

    /// Containers that have just begun are read more often: their limits are set after their cgroup is made, and short ones
    /// would end between two readings.
    private func collectYoung() {
        if young.isEmpty { return }
        let now = MonotonicClock.now()
        young = young.filter { now - $0.value < Self.youngAge }
        deliver(
            young.keys.compactMap { tracked[$0] }.filter { !$0.readers.usage.isGone }
                .map { Reading(container: $0.container, usage: $0.readers.usage.read()) })
    }

    /// Disks and delays.
    private func inspect() {
        guard let registry = deliverTo, !isInspecting else { return }
        isInspecting = true
        Task {
            let requests = await registry.resourceRequests()
            let begin = MonotonicClock.threadCPU()
            let disks = disks.read(requests) { container in tracked[ObjectIdentifier(container)]?.readers.io.read() }
            let delays = delays.read(requests)
            readNanoseconds += MonotonicClock.threadCPU() - begin
            await registry.update(disks: disks, delays: delays)
            isInspecting = false
        }
    }

    private func readNode() {
        var snapshot = MetricsSnapshot(timestamp: Int64(MonotonicClock.wallTime() / 1_000_000))
        snapshot.countersBegan(at: 0, now: MonotonicClock.bootTime())
        node.collect(into: &snapshot, common: common)
        nodeSeries = snapshot
    }

    private func deliver(_ readings: [Reading]) {
        guard let registry = deliverTo, !readings.isEmpty else { return }
        Task { await registry.update(readings) }
    }

    /// Looks up the namespaces that are wanted and not known, or not known any more; forgets the others.
    private func refreshAddresses() {
        guard let registry = deliverTo else { return }
        Task {
            let wanted = await registry.wantedNamespaces()
            addresses = addresses.filter { wanted[$0.key] != nil }
            var isChanged = false
            for (netns, pids) in wanted where addresses[netns]?.isStale ?? true {
                guard let list = read(netns, pids) else { continue }
                addresses[netns] = Addresses(list: list, readAt: MonotonicClock.now())
                isChanged = true
            }
            if hostAddresses.isStale {
                let list = (try? NetworkNamespace.localAddresses(pid: HostProcess.pid())) ?? []
                hostAddresses = Addresses(list: list, readAt: MonotonicClock.now())
                isChanged = true
            }
            // A container may have begun to listen in a namespace that is known already.
            if isChanged || !wanted.isEmpty {
                await registry.update(addresses: addresses.mapValues(\.list), host: hostAddresses.list)
            }
        }
    }

    private func read(_ netns: UInt32, _ pids: [Int32]) -> [NetworkNamespace.LocalAddress]? {
        for pid in pids {
            guard let inode = try? NetworkNamespace.inode(pid: pid), inode == UInt64(netns) else { continue }
            if let list = try? NetworkNamespace.localAddresses(pid: pid) { return list }
            faults.add("namespace_unreadable")
        }
        return nil
    }

    /// The node's series as read last.
    public func nodeSnapshot() -> MetricsSnapshot { nodeSeries }

    public var nodeFaults: [String: UInt64] { node.faults }
    public var cpuSeconds: Double { Double(readNanoseconds) / 1e9 }
    public var trackedContainers: Int { tracked.count }
}
