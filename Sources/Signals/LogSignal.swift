public import Containers
internal import Linux
public import LogFiles
public import Ring

/// The logs of all containers: keeps `LogSources` told whose are wanted, has it read, and hands counts to the containers.
///
/// Lives on a lane of its own: a slow disk delays nothing else.
public actor LogSignal {
    /// How often containers are asked for.
    private static let requestInterval: UInt64 = 1_000_000_000

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    private let make: @Sendable () -> LogSources
    private var sources: LogSources?
    private var isAsking = false
    private var isStopped = false
    /// CLOCK_BOOTTIME; containers that began later are new.
    private var newSince: UInt64 = 0
    private var cpuNanoseconds: UInt64 = 0

    /// - Parameter make: called on the lane.
    public init(lane: Lane, registry: Registry, make: @escaping @Sendable () -> LogSources) {
        (self.lane, self.registry, self.make) = (lane, registry, make)
    }

    /// Reads from now on; counts go to the containers every `interval` nanoseconds. Returns the directory of the journal, or why
    /// there is none.
    public func start(interval: UInt64) -> (journal: String?, problem: String) {
        let sources = make()
        self.sources = sources
        let (now, wallTime) = (MonotonicClock.bootTime(), MonotonicClock.wallTime())
        let age = wallTime > sources.newSince ? wallTime - sources.newSince : 0
        // 0 where that was before the node's start.
        newSince = now > age ? now - age : 0
        lane.addTimer(after: 0) { [self] in
            assumeIsolated { $0.ask() }
            return Self.requestInterval
        }
        lane.addTimer(after: 0) { [self] in assumeIsolated { $0.poll() } }
        lane.addTimer(after: min(interval, Self.requestInterval)) { [self] in
            assumeIsolated { $0.deliver() }
            return interval
        }
        let state = sources.journalState
        return (state.directory, state.problem)
    }

    private func poll() -> UInt64 {
        guard let sources, !isStopped else { return Self.requestInterval }
        let begin = MonotonicClock.threadCPU()
        let delay = sources.poll()
        cpuNanoseconds &+= MonotonicClock.threadCPU() &- begin
        return delay
    }

    private func ask() {
        if isAsking || isStopped { return }
        isAsking = true
        Task {
            let (requests, undecided) = await registry.logRequests()
            if !isStopped { sources?.update(requests.map { target($0) }, undecided: undecided) }
            isAsking = false
        }
    }

    private func target(_ request: LogRequest) -> LogTarget {
        var target = LogTarget(containerID: request.containerID, serviceName: request.serviceName)
        target.logPath = request.logPath
        if request.logPath.hasSuffix("-json.log") { target.format = .docker }
        if request.logPath.hasSuffix("/local-logs/container.log") { target.format = .dockerLocal }
        (target.unit, target.runtimeID) = (request.unit, request.runtimeID)
        target.processes = request.processes
        target.isNew = request.startedAt > newSince
        return target
    }

    private func deliver() {
        guard let readings = sources?.changes(), !readings.isEmpty else { return }
        Task { await registry.update(readings) }
    }

    /// Reads nothing more.
    public func stop() { isStopped = true }

    /// Writes down how far everything is settled, after the sink has ended.
    public func finish() { sources?.writeCheckpoint() }

    /// CPU time of reading.
    public var cpuSeconds: Double { Double(cpuNanoseconds) / 1e9 }
}
