import Cloud
import Containers
import Export
import GPU
import Host
import Kernel
import Linux
import Metrics
import Probes
import Signals
import Synchronization

/// Gathers one snapshot from the actors that hold the series. Everything is state already: nothing is read from the kernel
/// here but the agent's own counters.
final class SeriesSource: SnapshotSource {
    private let common: LabelSet
    private let cloud: CloudDiscovery
    private let gpus: GPUCollector?
    private let kernel: KernelSide
    private let registry: Registry
    private let drain: Drain
    private let probes: ProbeKeeper?
    private let collector: ResourceCollector
    private let resolver: MetadataResolver
    private let systemd: SystemdManager
    private let faults: CounterTable
    private let drops: CounterTable
    private let features: FeatureTable
    private let isPushing: Bool
    /// When the agent began to count, in milliseconds since the Unix epoch.
    private let start = Int64(MonotonicClock.wallTime() / 1_000_000)
    /// Nanoseconds of CPU time.
    private let costs = Mutex<UInt64>(0)
    private let push = Mutex<Push?>(nil)
    private let telemetry = Mutex<Telemetry?>(nil)
    private let server = Mutex<MetricsServer?>(nil)

    init(
        common: LabelSet, cloud: CloudDiscovery, gpus: GPUCollector?, kernel: KernelSide, registry: Registry,
        drain: Drain, probes: ProbeKeeper?, collector: ResourceCollector, resolver: MetadataResolver,
        systemd: SystemdManager,
        faults: CounterTable,
        drops: CounterTable, features: FeatureTable, isPushing: Bool
    ) {
        self.common = common
        self.cloud = cloud
        self.gpus = gpus
        self.kernel = kernel
        self.registry = registry
        self.drain = drain
        self.probes = probes
        self.collector = collector
        self.resolver = resolver
        self.systemd = systemd
        self.faults = faults
        self.drops = drops
        self.features = features
        self.isPushing = isPushing
    }

    /// Has the exporters' own counters shown too.
    func attach(server: MetricsServer?, push: Push?, telemetry: Telemetry) {
        self.telemetry.withLock { $0 = telemetry }
        self.server.withLock { $0 = server }
        self.push.withLock { $0 = push }
    }

    /// Counts CPU time that was spent on a snapshot elsewhere.
    func add(cost: UInt64) { costs.withLock { $0 += cost } }

    func snapshot() async -> MetricsSnapshot {
        var (snapshot, cpu) = await registry.snapshot()
        snapshot.append(await collector.nodeSnapshot())
        snapshot.append(await drain.snapshot(common: common, since: start))
        snapshot.since = start
        snapshot.add(.nodeAgentInfo, common.adding([("version", Version.current)]), 1)
        if isPushing { snapshot.add(.up, .empty, 1) }
        snapshot.add(.nodeCloudInfo, common.adding(cloud.metadata.infoLabels), 1)
        gpus?.reading?.emit(into: &snapshot, common: common)
        if let probes { snapshot.append(probes.snapshot(common: common)) }
        addFeatures(to: &snapshot)
        addContainers(await registry.counts, to: &snapshot)
        let waiting = await registry.waitingInspections
        snapshot.add(.martletQueueDepth, common.adding([("queue", "inspections")]), Double(waiting))
        await addFaults(to: &snapshot)
        addProcess(to: &snapshot)
        addExport(to: &snapshot)
        cpu = costs.withLock { costs in
            costs += cpu
            return costs
        }
        snapshot.add(.martletScrapeCpuSecondsTotal, common, Double(cpu) / 1e9)
        return snapshot
    }

    private func addFeatures(to snapshot: inout MetricsSnapshot) {
        for state in kernel.features {
            let labels = common.adding([("feature", state.feature.rawValue)])
            snapshot.add(.martletFeatureEnabled, labels, state.isEnabled ? 1 : 0)
        }
        if let translations = registry.translations { features.set("cilium", isEnabled: translations.usesCilium) }
        for (name, isEnabled) in features.all().sorted(by: { $0.key < $1.key }) {
            snapshot.add(.martletFeatureEnabled, common.adding([("feature", name)]), isEnabled ? 1 : 0)
        }
        let gpu = common.adding([("feature", "gpu")])
        snapshot.add(.martletFeatureEnabled, gpu, gpus?.reading == nil ? 0 : 1)
    }

    private func addContainers(_ counts: ContainerCounts, to snapshot: inout MetricsSnapshot) {
        for (state, count) in [
            ("reported", counts.reported), ("pending", counts.pending), ("ignored", counts.ignored),
        ] {
            snapshot.add(.martletContainers, common.adding([("state", state)]), Double(count))
        }
        snapshot.add(.martletQueueDepth, common.adding([("queue", "processes")]), Double(counts.processes))
        snapshot.add(.martletQueueDepth, common.adding([("queue", "cgroups")]), Double(counts.cgroups))
    }

    private func addFaults(to snapshot: inout MetricsSnapshot) async {
        var all = faults.all()
        for (name, count) in await collector.nodeFaults { all["node_" + name, default: 0] += count }
        let metadata = resolver.counters
        for (source, count) in metadata.failures { all["metadata_\(source)", default: 0] += count }
        let units = systemd.counters
        if units.failures > 0 { all["systemd", default: 0] += units.failures }
        for (kind, count) in all.sorted(by: { $0.key < $1.key }) {
            snapshot.add(.martletFaultsTotal, common.adding([("kind", kind)]), Double(count))
        }
        for (reason, count) in drops.all().sorted(by: { $0.key < $1.key }) {
            snapshot.add(.martletDroppedTotal, common.adding([("reason", reason)]), Double(count))
        }
        snapshot.add(
            .martletDroppedTotal, common.adding([("reason", "metadata_queue_full")]), Double(metadata.dropped))
        snapshot.add(.martletDroppedTotal, common.adding([("reason", "systemd_queue_full")]), Double(units.dropped))
    }

    private func addProcess(to snapshot: inout MetricsSnapshot) {
        let usage = SelfUsage.read()
        snapshot.add(.martletProcessCpuSecondsTotal, common.adding([("mode", "user")]), usage.userSeconds)
        snapshot.add(.martletProcessCpuSecondsTotal, common.adding([("mode", "system")]), usage.systemSeconds)
        snapshot.add(.martletProcessResidentBytes, common, Double(usage.residentBytes))
        snapshot.add(.martletProcessOpenDescriptors, common, Double(usage.openDescriptors))
    }

    private func addExport(to snapshot: inout MetricsSnapshot) {
        if let statistics = server.withLock({ $0?.statistics }) {
            let refused = statistics.refusedConnections + statistics.refusedPages + statistics.refusedRequests
            snapshot.add(.martletDroppedTotal, common.adding([("reason", "http_refused")]), Double(refused))
            let slow = common.adding([("kind", "http_slow_client")])
            snapshot.add(.martletFaultsTotal, slow, Double(statistics.timeouts))
        }
        if let telemetry = telemetry.withLock(\.self) {
            if let logs = telemetry.logs { add(logs.sender.destination, of: .logs, "logs", to: &snapshot) }
            if let spans = telemetry.spans {
                add(spans.sender.destination, of: .traces, "traces", to: &snapshot)
                snapshot.add(.martletTracesJoinedTotal, common, Double(spans.joined))
            }
        }
        guard let push = push.withLock(\.self) else { return }
        snapshot.add(.martletPushSnapshotsTotal, common, Double(push.metrics.snapshots))
        for destination in push.metrics.destinations { add(destination, to: &snapshot) }
    }

    private func add(_ destination: Destination, to snapshot: inout MetricsSnapshot) {
        let common = common.adding([("endpoint", destination.name)])
        let statistics = destination.statistics
        for (result, count) in [
            ("sent", statistics.sentRequests), ("failed", statistics.failedRequests),
            ("rejected", statistics.rejectedRequests), ("dropped", statistics.droppedRequests),
            ("repacked", statistics.repackedRequests), ("halved", statistics.halvedRequests),
        ] {
            snapshot.add(.martletRemoteWriteRequestsTotal, common.adding([("result", result)]), Double(count))
        }
        for (result, count) in [("sent", statistics.sentSamples), ("dropped", statistics.droppedSamples)] {
            snapshot.add(.martletRemoteWriteSamplesTotal, common.adding([("result", result)]), Double(count))
        }
        snapshot.add(.martletRemoteWriteBytesTotal, common, Double(statistics.sentBytes))
        add(destination, statistics, of: .metrics, common, queue: "remote_write_requests", to: &snapshot)
    }

    private func add(
        _ destination: Destination, of signal: Export.Signal, _ name: String, to snapshot: inout MetricsSnapshot
    ) {
        let endpoint = common.adding([("endpoint", destination.name)])
        let common = endpoint.adding([("signal", name)])
        let statistics = destination.statistics
        for (result, count) in [
            ("sent", statistics.sentRequests), ("failed", statistics.failedRequests),
            ("rejected", statistics.rejectedRequests), ("dropped", statistics.droppedRequests),
            ("repacked", statistics.repackedRequests), ("halved", statistics.halvedRequests),
        ] {
            snapshot.add(.martletOtlpRequestsTotal, common.adding([("result", result)]), Double(count))
        }
        for (result, count) in [("sent", statistics.sentSamples), ("dropped", statistics.droppedSamples)] {
            snapshot.add(.martletOtlpItemsTotal, common.adding([("result", result)]), Double(count))
        }
        snapshot.add(.martletOtlpBytesTotal, common, Double(statistics.sentBytes))
        add(destination, statistics, of: signal, endpoint, queue: "\(name)_requests", to: &snapshot)
    }

    /// What all signals have.
    private func add(
        _ destination: Destination, _ statistics: PushStatistics, of signal: Export.Signal, _ common: LabelSet,
        queue: String, to snapshot: inout MetricsSnapshot
    ) {
        for (reason, items) in statistics.losses.all(of: signal) {
            snapshot.add(.martletDroppedTotal, common.adding([("reason", reason)]), Double(items))
        }
        snapshot.add(.martletQueueDepth, common.adding([("queue", queue)]), Double(statistics.queuedRequests))
        guard let spool = destination.spool?.statistics else { return }
        snapshot.add(.martletQueueDepth, common.adding([("queue", "spool_bytes")]), Double(spool.bytes))
        for (result, count) in [
            ("appended", spool.appendedRecords), ("acknowledged", spool.acknowledgedRecords),
            ("dropped", spool.droppedRecords), ("corrupt", spool.corruptRecords),
        ] {
            snapshot.add(.martletSpoolRecordsTotal, common.adding([("result", result)]), Double(count))
        }
        snapshot.add(
            .martletDroppedTotal, common.adding([("reason", "spool_full_\(signal.itemsInReasons)")]),
            Double(spool.droppedItems))
        for (kind, count) in [
            ("spool_write", statistics.failedSpoolWrites), ("spool_read", statistics.failedSpoolReads),
            ("spool_file_aside", spool.asideFiles),
        ] {
            snapshot.add(.martletFaultsTotal, common.adding([("kind", kind)]), Double(count))
        }
    }
}
