internal import CEvents
public import Containers
public import Kernel
public import Linux
public import Metrics
internal import Network
public import Ring

/// Empties the BPF rings on a timer that adapts to the load, and gives each signal its batch of records in place.
///
/// A pass takes every ring once, up to what was written when the pass reached it, and then lets the signals settle what had
/// to wait. The pause between two passes halves while a ring fills up by more than an eighth meanwhile, and doubles while
/// all stay almost empty; a ring that fills to a quarter wakes the lane at once (bpf/include/common.h).
public actor Drain {
    private static let shortestPause: UInt64 = 1_000_000
    private static let longestPause: UInt64 = 64_000_000
    /// Records handed over at once; their space is given back after that.
    private static let batchSize = 512

    private enum Route: Int {
        case processes
        case cgroups
        case connections
        case requests
        case files
        case unknown
    }

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let kernel: KernelSide
    private let processSignal: ProcessSignal
    private let cgroupSignal: CgroupSignal
    private let connectionSignal: ConnectionSignal
    /// Nil where requests are not looked at.
    private let requestSignal: RequestSignal?
    private let fileSignal: FileSignal
    private let registry: Registry
    private var rings: [RingBox] = []
    // Safe: only isolated code uses it, and `deinit`, which runs when nobody else can.
    nonisolated(unsafe) private let scratch: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>
    private var pause: UInt64 = 8_000_000

    /// Events by `enum martlet_event_type`.
    private var events = [UInt64](repeating: 0, count: Int(MARTLET_EVENT_TYPES.rawValue))
    private var passes: UInt64 = 0
    private var lastRecords = 0
    private var mostRecords = 0
    private var cpuNanoseconds: UInt64 = 0
    private var failedSamples: UInt64 = 0
    private var memoryBytes: UInt64 = 0
    private var opener: NamespaceOpener?
    /// Events that neither program of a pair saw, and how often the tables are still to be compared because of them.
    private var misses: UInt64 = 0
    private var comparisonsLeft = 0

    /// A ring owns its mapping and cannot be copied; an array's elements can.
    private final class RingBox {
        var ring: BPFRing
        /// Up to where this pass reads.
        var end: UInt = 0
        init(_ ring: consuming BPFRing) { self.ring = ring }
    }

    public init(
        lane: Lane, kernel: KernelSide, registry: Registry, processSignal: ProcessSignal, cgroupSignal: CgroupSignal,
        connectionSignal: ConnectionSignal, requestSignal: RequestSignal? = nil, fileSignal: FileSignal
    ) {
        self.lane = lane
        self.kernel = kernel
        self.registry = registry
        self.processSignal = processSignal
        self.cgroupSignal = cgroupSignal
        self.connectionSignal = connectionSignal
        self.requestSignal = requestSignal
        self.fileSignal = fileSignal
        scratch = .allocate(capacity: Self.batchSize)
    }

    deinit { scratch.deallocate() }

    /// What is done between passes, and how often, in nanoseconds.
    public struct Upkeep: Sendable {
        /// Reads the cgroup tree again when an event names a cgroup that nobody announced.
        public let discovery: Discovery
        /// Opens the network namespaces of containers; nil where destinations behind NAT are not told.
        public let opener: NamespaceOpener?
        /// Counters of open connections.
        public let sampling: UInt64
        /// Garbage collection.
        public let collection: UInt64

        public init(discovery: Discovery, opener: NamespaceOpener? = nil, sampling: UInt64, collection: UInt64) {
            self.discovery = discovery
            self.opener = opener
            self.sampling = sampling
            self.collection = collection
        }
    }

    /// Maps the rings and begins to drain them.
    public func start(upkeep: Upkeep) throws(Errno) {
        memoryBytes = kernel.memoryBytes()
        opener = upkeep.opener
        for shard in 0..<kernel.configuration.shards { rings.append(RingBox(try kernel.ring(shard))) }
        for descriptor in kernel.pollDescriptors {
            try lane.watch(descriptor) { [self] in assumeIsolated { $0.pass() } }
        }
        lane.addTimer(after: 0) { [self] in assumeIsolated { $0.timedPass() } }
        lane.addTimer(after: upkeep.sampling) { [self] in
            assumeIsolated {
                $0.sampleConnections()
                $0.catchUp()
            }
            rescan(upkeep.discovery)
            if let opener = upkeep.opener { Task { await opener.closeUnused() } }
            return upkeep.sampling
        }
        // Twice as often as things expire, so that they are gone soon after.
        let pause = max(upkeep.collection / 2, 100_000_000)
        lane.addTimer(after: pause) { [self] in
            assumeIsolated { $0.collectGarbage() }
            return pause
        }
    }

    /// Open connections grow too: their counters are read from the kernel, those that moved.
    private func sampleConnections() {
        pass()
        memoryBytes = kernel.memoryBytes()
        let begin = MonotonicClock.threadCPU()
        let (connectionSignal, requestSignal) = (connectionSignal, requestSignal)
        do throws(Errno) {
            if kernel.isEnabled(.tcpSamples) {
                try kernel.sampleConnections { row in connectionSignal.assumeIsolated { $0.sample(row) } }
            }
            if let requestSignal, kernel.isEnabled(.requestSamples) {
                try kernel.sampleRequests { row in requestSignal.assumeIsolated { $0.count(row) } }
            }
        } catch {
            failedSamples += 1
        }
        requestSignal?.assumeIsolated { $0.giveUp() }
        cpuNanoseconds += MonotonicClock.threadCPU() - begin
    }

    /// Gives containers what TCP measured of their open connections.
    func sampleRoundTrips() {
        guard kernel.isEnabled(.tcpRoundTrips) else { return }
        let begin = MonotonicClock.threadCPU()
        let connectionSignal = connectionSignal
        do throws(Errno) {
            try kernel.sampleRoundTrips { row in connectionSignal.assumeIsolated { $0.roundTrip(row) } }
        } catch {
            failedSamples += 1
        }
        cpuNanoseconds += MonotonicClock.threadCPU() - begin
    }

    private nonisolated func rescan(_ discovery: Discovery) {
        let registry = registry
        Task { if await registry.rescanIfNeeded() { await discovery.scanCgroups() } }
    }

    /// The kernel passed programs over: what ended unseen is looked for now instead of at the next collection. Twice, since a
    /// socket counts as gone only when two collections miss it.
    private func catchUp() {
        let now = kernel.programMisses().reduce(0) { $0 + ($1.program.hasSuffix("_again") ? $1.count : 0) }
        if now > misses { comparisonsLeft = 2 }
        misses = now
        guard comparisonsLeft > 0 else { return }
        comparisonsLeft -= 1
        collectGarbage()
    }

    private func collectGarbage() {
        pass()
        let open = kernel.openSockets()
        let lost = connectionSignal.assumeIsolated { $0.collectGarbage(open: open) }
        requestSignal?.assumeIsolated { $0.collectGarbage(lost: lost) }
        registry.assumeIsolated { $0.collectGarbage(lost: lost) }
    }

    private func timedPass() -> UInt64 {
        var fill = 0
        for box in rings { fill = max(fill, box.ring.pending * 8 / box.ring.capacity) }
        if fill >= 1 {
            pause = max(pause / 2, Self.shortestPause)
        } else {
            pause = min(pause * 2, Self.longestPause)
        }
        pass()
        return pause
    }

    /// Before the end: takes what is in the rings, and waits for `timeout` at most until it is known whose spans the last ones are.
    public func finish(timeout: Duration) async {
        let deadline = ContinuousClock.now + timeout
        pass()
        while holdsSpans, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
            pass()
        }
        giveUpSpans()
    }

    private func giveUpSpans() { requestSignal?.assumeIsolated { $0.giveUpSpans() } }

    private var holdsSpans: Bool { requestSignal?.assumeIsolated { $0.holdsSpans } ?? false }

    /// One pass over all rings; see the type's description.
    public func pass() {
        let begin = MonotonicClock.threadCPU()
        var records = 0
        // First how far the rings are filled, then what the kernel translated: a connection is translated before it is
        // established, so that no event up to these marks comes without its translation.
        for box in rings { box.end = box.ring.written }
        registry.translations?.drain()
        for box in rings {
            // A record that is still being written ends the pass for this ring.
            while case let count = take(box), count > 0 { records += count }
        }
        cgroupSignal.onLane(()) { signal, _ in signal.settle() }
        processSignal.onLane(()) { signal, _ in signal.settle() }
        connectionSignal.onLane(()) { signal, _ in signal.settle() }
        requestSignal?.onLane(()) { signal, _ in signal.settle() }
        fileSignal.onLane(()) { signal, _ in signal.settle() }
        openNamespaces()
        passes += 1
        lastRecords = records
        mostRecords = max(mostRecords, records)
        cpuNanoseconds += MonotonicClock.threadCPU() - begin
    }

    /// Has the network namespaces opened that events wait for.
    private func openNamespaces() {
        guard let opener else { return }
        let wanted = connectionSignal.onLane(()) { signal, _ in signal.takeWanted() }
        if !wanted.isEmpty { Task { await opener.open(wanted) } }
    }

    /// Takes one batch from a ring and hands it over in runs of one signal.
    private func take(_ box: RingBox) -> Int {
        var filled = 0
        let count = box.ring.take(limit: Self.batchSize, upTo: box.end) { record in
            scratch[filled] = record
            filled += 1
        }
        var run = 0
        var runRoute = Route.unknown
        for index in 0..<filled {
            let route = route(scratch[index])
            if route == runRoute { continue }
            hand(run..<index, to: runRoute)
            run = index
            runRoute = route
        }
        hand(run..<filled, to: runRoute)
        box.ring.release()
        return count
    }

    private func route(_ record: UnsafeRawBufferPointer) -> Route {
        guard record.count >= MemoryLayout<martlet_header>.size else { return .unknown }
        let type = record.load(as: martlet_header.self).type
        if type < UInt32(events.count) { events[Int(type)] &+= 1 }
        switch type {
        case MARTLET_PROCESS_START.rawValue...MARTLET_PROCESS_EXIT.rawValue: return .processes
        case MARTLET_CGROUP_MADE.rawValue...MARTLET_CGROUP_ATTACH.rawValue: return .cgroups
        case MARTLET_TCP_ESTABLISHED.rawValue...MARTLET_TCP_LISTEN_CLOSE.rawValue: return .connections
        case MARTLET_FILE_WRITTEN.rawValue: return .files
        case MARTLET_SEGMENT.rawValue...MARTLET_HTTP_COUNTS.rawValue: return .requests
        default: return .unknown
        }
    }

    private func hand(_ range: Range<Int>, to route: Route) {
        if range.isEmpty { return }
        let batch = RecordBatch(UnsafeBufferPointer(rebasing: scratch[range]))
        switch route {
        case .processes: processSignal.onLane(batch) { $0.consume($1) }
        case .cgroups: cgroupSignal.onLane(batch) { $0.consume($1) }
        case .connections:
            connectionSignal.onLane(batch) { $0.consume($1) }
            requestSignal?.onLane(batch) { $0.ended($1) }
        case .requests: requestSignal?.onLane(batch) { $0.consume($1) }
        case .files: fileSignal.onLane(batch) { $0.consume($1) }
        case .unknown: break
        }
    }

    // MARK: Self-metrics

    /// What the drain and the rings did so far.
    public func snapshot(common: LabelSet, since: Int64 = 0) -> MetricsSnapshot {
        var snapshot = MetricsSnapshot(timestamp: 0)
        snapshot.since = since
        for (index, name) in Self.eventNames.enumerated() where !name.isEmpty {
            snapshot.add(.martletEventsTotal, common.adding([("type", name)]), Double(events[index]))
        }
        for (shard, reasons) in kernel.losses().enumerated() {
            for (reason, count) in reasons.enumerated() {
                let labels = common.adding([("ring", String(shard)), ("reason", Self.lossNames[reason])])
                snapshot.add(.martletEventsLostTotal, labels, Double(count))
            }
        }
        for (program, count) in kernel.programMisses() {
            snapshot.add(.martletProgramMissesTotal, common.adding([("program", program)]), Double(count))
        }
        snapshot.add(.martletDrainsTotal, common, Double(passes))
        snapshot.add(.martletDrainBatchRecords, common.adding([("which", "last")]), Double(lastRecords))
        snapshot.add(.martletDrainBatchRecords, common.adding([("which", "largest")]), Double(mostRecords))
        snapshot.add(.martletDrainCpuSecondsTotal, common, Double(cpuNanoseconds) / 1e9)
        for (shard, box) in rings.enumerated() {
            snapshot.add(
                .martletQueueDepth, common.adding([("queue", "ring_\(shard)_bytes")]), Double(box.ring.pending))
        }
        let overflowed =
            processSignal.assumeIsolated { $0.overflowed } + cgroupSignal.assumeIsolated { $0.overflowed }
            + connectionSignal.assumeIsolated { $0.overflowed } + fileSignal.assumeIsolated { $0.overflowed }
        snapshot.add(.martletDroppedTotal, common.adding([("reason", "deferred_full")]), Double(overflowed))
        if let requestSignal { addRequests(requestSignal, common, to: &snapshot) }
        snapshot.add(
            .martletFaultsTotal, common.adding([("kind", "connection_samples")]), Double(failedSamples))
        snapshot.add(.martletBpfMemoryBytes, common, Double(memoryBytes))
        if let translations = registry.translations { addTranslations(translations, common, to: &snapshot) }
        return snapshot
    }

    private func addRequests(_ signal: RequestSignal, _ common: LabelSet, to snapshot: inout MetricsSnapshot) {
        let (flows, overflowed, unplaced, spans, gaps) = signal.assumeIsolated {
            ($0.openFlows, $0.overflowed, $0.unplaced, $0.droppedSpans, $0.gaps)
        }
        snapshot.add(.martletQueueDepth, common.adding([("queue", "request_flows")]), Double(flows))
        for (reason, count) in [
            ("segments_waiting_full", overflowed), ("segments_unplaced", unplaced), ("spans_unidentified", spans),
            ("stream_gaps", gaps),
        ] {
            snapshot.add(.martletDroppedTotal, common.adding([("reason", reason)]), Double(count))
        }
    }

    private func addTranslations(_ translations: Translations, _ common: LabelSet, to snapshot: inout MetricsSnapshot) {
        func fault(_ kind: String, _ count: UInt64) {
            snapshot.add(.martletFaultsTotal, common.adding([("kind", kind)]), Double(count))
        }
        fault("conntrack_overrun", translations.overruns)
        fault("conntrack_query", translations.failedQueries)
        fault("conntrack_namespace_late", connectionSignal.assumeIsolated { $0.late })
        let evicted = common.adding([("reason", "translations_full")])
        snapshot.add(.martletDroppedTotal, evicted, Double(translations.evicted))
        for (what, count) in [("event", translations.received), ("query", translations.queries)] {
            snapshot.add(.martletConntrackLookupsTotal, common.adding([("source", what)]), Double(count))
        }
        snapshot.add(
            .martletQueueDepth, common.adding([("queue", "translations")]), Double(translations.count))
        snapshot.add(
            .martletQueueDepth, common.adding([("queue", "network_namespaces")]), Double(translations.namespaces))
    }

    /// By `enum martlet_event_type`.
    private static let eventNames = [
        "", "process_start", "process_exec", "process_exit", "cgroup_made", "cgroup_removed", "cgroup_attach",
        "tcp_established", "tcp_failed", "tcp_accepted", "tcp_closed", "tcp_listen_open", "tcp_listen_close",
        "file_written", "segment", "datagram", "http_counts",
    ]

    /// By `enum martlet_loss`.
    private static let lossNames = [
        "ring_full", "connections_full", "path_too_long", "segments_full", "fragments", "unexamined_connection",
        "tls_connection_unknown", "holes_full", "connection_busy",
    ]
}
