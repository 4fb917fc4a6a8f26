public import Containers
internal import Exchange
public import Kernel
public import Linux
public import Metrics
public import Ring
internal import Synchronization

/// Keeps probes in the TLS libraries and programs of containers: asks the registry which processes live, and has everything
/// else done on a thread of its own, since reading files and attaching probes block.
public actor ProbeKeeper {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private static let maximumProcesses = 65_536

    private let registry: Registry
    private let faults: CounterTable
    private let worker = BlockingWorker(name: "probes", limit: 1)
    /// Used by the worker's thread.
    private let book: Mutex<ProbeBook>
    private let figures = Mutex(ProbeBook.Figures())
    private var isRunning = false

    /// - Parameter delay: age from which on processes that only connect are looked at, in nanoseconds.
    public init(lane: Lane, kernel: KernelSide, registry: Registry, faults: CounterTable, delay: UInt64) {
        self.lane = lane
        self.registry = registry
        self.faults = faults
        var configuration = ProbeBook.Configuration()
        configuration.delay = delay
        configuration.listenerDelay = min(delay, configuration.listenerDelay)
        book = Mutex(ProbeBook(kernel: kernel, configuration: configuration))
    }

    /// Begins a turn every `interval` nanoseconds.
    public func start(interval: UInt64 = 1_000_000_000) {
        lane.addTimer(after: interval) { [self] in
            assumeIsolated { $0.tick() }
            return interval
        }
    }

    private func tick() {
        guard !isRunning else {
            faults.add("probes_late")
            return
        }
        isRunning = true
        Task { await turn() }
    }

    private func turn() async {
        let living = await registry.tracedProcesses(limit: Self.maximumProcesses)
        await withCheckedContinuation { continuation in
            let isAccepted = worker.submit {
                self.work(living)
                continuation.resume()
            }
            if !isAccepted { continuation.resume() }
        }
        isRunning = false
    }

    private nonisolated func work(_ living: [TracedProcess]) {
        let new = book.withLock { book -> ProbeBook.Figures in
            book.turn(living, now: MonotonicClock.now(), bootTime: MonotonicClock.bootTime())
            return book.figures
        }
        figures.withLock { $0 = new }
    }

    /// What has probes, and what was refused.
    public nonisolated func snapshot(common: LabelSet) -> MetricsSnapshot {
        let figures = figures.withLock { $0 }
        var snapshot = MetricsSnapshot(timestamp: 0)
        for library in TLSLibrary.allCases {
            snapshot.add(
                .martletTlsBinaries, common.adding([("library", library.rawValue)]),
                Double(figures.attached[library] ?? 0))
        }
        for reason in ProbeRefusal.allCases {
            snapshot.add(
                .martletTlsRefusedTotal, common.adding([("reason", reason.rawValue)]),
                Double(figures.refused[reason] ?? 0))
        }
        snapshot.add(.martletFaultsTotal, common.adding([("kind", "tls_look")]), Double(figures.failedLooks))
        snapshot.add(.martletTlsSocketsFollowed, common, figures.followsSockets ? 1 : 0)
        return snapshot
    }
}
