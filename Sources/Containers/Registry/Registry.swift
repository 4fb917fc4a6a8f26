public import GPU
internal import Glibc
public import Host
internal import Linux
public import Logs
public import Metrics
public import Network
public import Ring

/// All cgroups, processes and containers of the node, and who belongs to whom.
///
/// Lives on the lane of the rings. What takes time is done elsewhere and comes back as a message: metadata by the resolver
/// on its thread, cgroup files and namespaces by the `ResourceCollector` on its own.
///
/// Invariants: a container object exists from the first event of its cgroup; `byRoot` and `byID` name the same objects;
/// tables are bounded by `maximum…` and what exceeds them is counted.
public actor Registry {
    static let maximumCgroups = 100_000
    static let maximumProcesses = 1 << 20
    static let maximumContainers = 20_000
    /// Times that a container's runtime is asked before the container is given up: over a minute.
    static let maximumAttempts = 8
    /// How long such a container is left alone then.
    static let retryPause: UInt64 = 300_000_000_000
    /// Pause after a look-up that found all queues full.
    private static let busyPause = Duration.milliseconds(500)
    /// The longest pause between two look-ups while a runtime does not answer.
    private static let failurePause = Duration.seconds(16)
    /// Paths that look like containers and are none, and how long that is remembered.
    private static let maximumRefuted = 4096
    private static let refutedLifetime: UInt64 = 60_000_000_000
    /// Times that a runtime is asked about such a path.
    private static let candidateAttempts = 2

    /// What became of a container.
    private enum State {
        case pending(attempts: Int)
        case reported
        /// Filtered, or of a kind that is not reported.
        case ignored
        /// Nobody could tell who it is; a process that begins in it after this time (CLOCK_MONOTONIC) has it asked again.
        case unidentified(until: UInt64)
    }

    /// Where a process is, and since when (CLOCK_BOOTTIME of the event).
    struct Placement {
        let container: Container
        let time: UInt64
        /// Whether it waits to be looked at.
        var isScheduled = false
    }

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let configuration: RegistryConfiguration
    /// What new containers are told.
    private var context: ContainerContext
    /// CLOCK_MONOTONIC until which containers are not shown.
    private var heldUntil: UInt64 = 0
    private let resolver: MetadataResolver
    private let collector: ResourceCollector
    private let systemd: SystemdManager?
    private let memoryHierarchy: UInt32

    private var cgroups: [CgroupKey: CgroupEntry] = [:]
    private var unknownCgroups = 0
    var processes: [UInt32: Placement] = [:]
    var inspections = Inspections()
    /// Processes that ended in this pass over the rings and in the last one: start time by process id. What an older event in
    /// another ring says of them comes too late.
    private var ended: [UInt32: UInt64] = [:]
    private var endedBefore: [UInt32: UInt64] = [:]
    /// Containers that seem to have begun again, until it is judged whether they did.
    private var restarted: [Container] = []
    /// By the path of the container's own top cgroup.
    private var byRoot: [String: Container] = [:]
    private var byID: [String: Container] = [:]
    private var states: [ObjectIdentifier: State] = [:]
    /// Roots of cgroups that no runtime confirmed, with the end (CLOCK_MONOTONIC) of that knowledge.
    private var refuted: [String: UInt64] = [:]
    private var hostAddresses: [IPAddress] = []
    /// Whether everything that is older than the agent was looked at once.
    private var isDiscovered = false
    /// Those with processes on GPUs, as told last.
    private var gpuContainers: [ObjectIdentifier: Container] = [:]

    /// Without `systemd`, units are told apart by their names only.
    public init(
        lane: Lane, configuration: RegistryConfiguration, resolver: MetadataResolver, collector: ResourceCollector,
        systemd: SystemdManager? = nil
    ) {
        self.lane = lane
        self.configuration = configuration
        self.context = configuration.context
        self.resolver = resolver
        self.collector = collector
        self.systemd = systemd
        self.memoryHierarchy = UInt32(configuration.layout.hierarchyID(of: .memory) ?? 0)
    }

    /// Destinations behind NAT, as the containers use them.
    public nonisolated var translations: Translations? { configuration.context.translations }

    // MARK: Cgroups

    /// Makes `path` known. Later names of the same cgroup replace earlier ones.
    public func cgroupMade(hierarchy: UInt32, id: UInt64, path: String) {
        let key = CgroupKey(hierarchy: hierarchy, id: id)
        guard cgroups[key] != nil || cgroups.count < Self.maximumCgroups else {
            configuration.context.drops.add("cgroups_full")
            return
        }
        if let known = cgroups[key], known.path == path { return }
        cgroups[key] = CgroupEntry(path: path, classification: CgroupClassification.classify(path))
    }

    /// Cgroups that are older than the agent.
    public func cgroupsFound(_ found: [(id: UInt64, path: String)], hierarchy: UInt32) {
        for entry in found where cgroups[CgroupKey(hierarchy: hierarchy, id: entry.id)] == nil {
            cgroupMade(hierarchy: hierarchy, id: entry.id, path: entry.path)
        }
    }

    public func cgroupRemoved(hierarchy: UInt32, id: UInt64) {
        cgroups[CgroupKey(hierarchy: hierarchy, id: id)]?.removedAt = MonotonicClock.now()
    }

    /// Reads the mounted hierarchies again where an event named a cgroup that nobody announced.
    public func rescanIfNeeded() -> Bool {
        defer { unknownCgroups = 0 }
        return unknownCgroups > 0
    }

    /// Whether an event of these cgroups can be attributed at all by now.
    public func knows(cgroup: UInt64, memoryCgroup: UInt64) -> Bool {
        // In a hybrid layout either may say which container it is, and their announcements may stand in different rings.
        func isKnown(_ key: CgroupKey) -> Bool { key.id <= 1 || cgroups[key] != nil }
        return isKnown(CgroupKey(hierarchy: memoryHierarchy, id: memoryCgroup))
            && isKnown(CgroupKey(hierarchy: 0, id: cgroup))
    }

    /// The container of an event: of the v1 memory cgroup where that says container (old runtimes make none in the
    /// cgroup2 tree of a hybrid host), else of the cgroup2 one, else of whichever is reportable.
    public func container(cgroup: UInt64, memoryCgroup: UInt64) -> Container? {
        let memoryKey = CgroupKey(hierarchy: memoryHierarchy, id: memoryCgroup)
        let key = CgroupKey(hierarchy: 0, id: cgroup)
        let memory = memoryCgroup == 0 ? nil : cgroups[memoryKey]
        if let container = memory?.container, memory?.classification.isContainer == true {
            return current(container)
        }
        let unified = cgroups[key]
        if memory == nil, unified == nil, cgroup > 1 || memoryCgroup > 1 { unknownCgroups += 1 }
        if memory?.classification.isContainer == true { return open(memoryKey) }
        if let unified, isReportable(unified.classification) {
            if let container = unified.container { return current(container) }
            return open(key)
        }
        if let memory, isReportable(memory.classification) { return open(memoryKey) }
        // What may be containers, last: whatever is sure comes before.
        if unified?.classification.isCandidate == true { return open(key) }
        if memory?.classification.isCandidate == true { return open(memoryKey) }
        return nil
    }

    /// Whether a cgroup of this kind can ever be shown, and surely is what its path says.
    private func isReportable(_ classification: CgroupClassification) -> Bool {
        switch classification.kind {
        case .docker, .containerd, .crio, .podman, .systemd, .talos, .lxc, .machine:
            !classification.isCandidate && !classification.rawID.isEmpty
        case .sandbox: true
        case .userService: configuration.identity.userServices
        case .standalone, .unknown: false
        }
    }

    /// The container at `key`, made if there is none.
    private func open(_ key: CgroupKey) -> Container? {
        guard let entry = cgroups[key] else { return nil }
        if let container = entry.container { return current(container) }
        let classification = entry.classification
        if let container = byRoot[classification.rootPath] {
            cgroups[key]?.container = container
            return container
        }
        if classification.isCandidate, let until = refuted[classification.rootPath] {
            if until > MonotonicClock.now() { return nil }
            refuted[classification.rootPath] = nil
        }
        guard byRoot.count < Self.maximumContainers else {
            configuration.context.drops.add("containers_full")
            return nil
        }
        let container = Container(lane: lane, context: context, classification: classification)
        cgroups[key]?.container = container
        byRoot[classification.rootPath] = container
        states[ObjectIdentifier(container)] = .pending(attempts: classification.kind.needsMetadata ? 0 : 1)
        if classification.kind == .systemd, let systemd {
            settle(container, asking: systemd)
        } else if !classification.kind.needsMetadata {
            settle(container, metadata: nil)
        }
        return container
    }

    /// Follows merges to the object that counts.
    func current(_ container: Container) -> Container {
        container.onLane(()) { container, _ in container.successor } ?? container
    }

    // MARK: Processes

    /// A process began, or is known to be, in these cgroups. `start` is its CLOCK_BOOTTIME.
    public func processPlaced(pid: UInt32, start: UInt64, cgroup: UInt64, memoryCgroup: UInt64, at time: UInt64) {
        if ended[pid] == start || endedBefore[pid] == start { return }
        var counted: ProcessDelays.Delays?
        let container = container(cgroup: cgroup, memoryCgroup: memoryCgroup)
        if let old = processes[pid] {
            // Its fork may be read after its move.
            if time < old.time { return }
            let oldContainer = current(old.container)
            if oldContainer === container { return }
            counted = oldContainer.assumeIsolated { $0.processLeft(pid, at: time) }
            processes[pid] = nil
        }
        guard let container else { return }
        guard processes.count < Self.maximumProcesses else {
            configuration.context.drops.add("processes_full")
            return
        }
        processes[pid] = Placement(container: container, time: time)
        container.assumeIsolated { $0.processStarted(pid, start, delays: counted) }
        noteRestart(of: container)
        scheduleInspection(of: pid)
        switch states[ObjectIdentifier(container)] {
        case .pending(attempts: 0): break
        case .unidentified(let until) where MonotonicClock.now() > until: break
        default: return
        }
        states[ObjectIdentifier(container)] = .pending(attempts: 1)
        resolve(container, after: Self.settlingTime, fallback: pid)
    }

    /// Processes that are older than the agent, as they were at `time` (CLOCK_BOOTTIME); one that an event has placed
    /// meanwhile stays there.
    public func processesFound(_ found: [FoundProcess], at time: UInt64) {
        for process in found where processes[process.pid] == nil && Self.isAlive(process.pid) {
            processPlaced(
                pid: process.pid, start: process.start, cgroup: process.cgroup, memoryCgroup: process.memoryCgroup,
                at: time)
        }
    }

    /// All processes older than the agent were found.
    public func discovered() { isDiscovered = true }

    /// Its exit may have been drained between the scan and now.
    private static func isAlive(_ pid: UInt32) -> Bool {
        !HostProcess.sharesProcessIDs || kill(Int32(bitPattern: pid), 0) == 0 || Errno.last != .noProcess
    }

    /// A process that began at `start` ended at `time` (both CLOCK_BOOTTIME). Returns false if it was not known.
    /// `delays` are the totals of its life, where they are known.
    public func processEnded(
        pid: UInt32, start: UInt64?, at time: UInt64, oomKilled: Bool, delays: ProcessDelays.Delays? = nil
    ) -> Bool {
        guard let placement = processes.removeValue(forKey: pid) else { return false }
        current(placement.container).assumeIsolated {
            _ = $0.processLeft(pid, at: time, oomKilled: oomKilled, delays: delays)
        }
        if let start { ended[pid] = start }
        return true
    }

    private func noteRestart(of container: Container) {
        guard container.assumeIsolated({ $0.mayHaveRestarted }), !restarted.contains(where: { $0 === container }) else {
            return
        }
        restarted.append(container)
    }

    /// All rings were read once more.
    public func passEnded() {
        if !restarted.isEmpty {
            restarted.removeAll { container in
                container.assumeIsolated { container in
                    container.judgeRestarts()
                    return !container.mayHaveRestarted
                }
            }
        }
        if ended.isEmpty, endedBefore.isEmpty { return }
        swap(&ended, &endedBefore)
        ended.removeAll(keepingCapacity: true)
    }

    /// An OOM kill of a process whose beginning was lost.
    public func processKilled(cgroup: UInt64, memoryCgroup: UInt64, at time: UInt64) {
        container(cgroup: cgroup, memoryCgroup: memoryCgroup)?
            .assumeIsolated { _ = $0.processLeft(.max, at: time, oomKilled: true) }
    }

    /// Whether it was left out for good.
    func isIgnored(_ container: Container) -> Bool {
        if case .ignored = states[ObjectIdentifier(container)] { true } else { false }
    }

    var faults: CounterTable { configuration.context.faults }
    var drops: CounterTable { configuration.context.drops }

    // MARK: Identity

    /// The first processes of a container are the runtime's helpers, which end at once and leave nothing to look at.
    private static let settlingTime = Duration.milliseconds(100)

    /// Asks who the container is, through the oldest process that lives in it then.
    private func resolve(_ container: Container, after delay: Duration, fallback: UInt32?) {
        Task {
            try? await Task.sleep(for: delay)
            guard let pid = oldestProcess(of: container) ?? fallback else {
                // All its processes ended meanwhile.
                states[ObjectIdentifier(container)] = .unidentified(until: 0)
                return
            }
            resolved(container, await resolution(of: container, pid: pid))
        }
    }

    private func resolution(of container: Container, pid: UInt32) async -> Resolution {
        let classification = container.classification
        // gVisor's processes are few, and one of them tells the id.
        let others = classification.kind == .sandbox ? pids(of: container) : []
        return await resolver.resolve(
            classification, pid: Int32(bitPattern: pid), others: others.map { Int32(bitPattern: $0) })
    }

    private func pids(of container: Container) -> [UInt32] {
        container.assumeIsolated { Array($0.processes.keys.prefix(8)) }
    }

    private func oldestProcess(of container: Container) -> UInt32? {
        container.assumeIsolated { container in container.processes.min { $0.value < $1.value }?.key }
    }

    private func resolved(_ container: Container, _ resolution: Resolution) {
        guard case .pending(let attempts) = states[ObjectIdentifier(container)] else { return }
        switch resolution {
        case .found(let metadata): settle(container, metadata: metadata)
        case .partial(let metadata, _):
            settle(container, metadata: metadata)
            refresh(container, attempt: 0)
        case .busy: resolve(container, after: Self.busyPause, fallback: nil)
        case .notFound where container.classification.isCandidate && attempts >= Self.candidateAttempts:
            refute(container)
        case .notFound, .failed:
            configuration.context.faults.add("metadata_unresolved")
            // 0.5 s, 1 s, 2 s … : a runtime may write its state after it starts the process.
            var pause = Duration.milliseconds(250 << min(attempts, Self.maximumAttempts))
            if case .failed = resolution {
                pause = min(pause, Self.failurePause)
            } else if attempts >= Self.maximumAttempts {
                states[ObjectIdentifier(container)] = .unidentified(until: MonotonicClock.now() + Self.retryPause)
                return
            }
            states[ObjectIdentifier(container)] = .pending(attempts: attempts + 1)
            resolve(container, after: pause, fallback: nil)
        }
    }

    /// Asks again for what a runtime that did not answer may add: after 1 s, 2 s, 4 s … 32 s, as long as the
    /// container lives.
    private func refresh(_ container: Container, attempt: Int) {
        Task {
            try? await Task.sleep(for: .seconds(1 << min(attempt, 5)))
            let target = current(container)
            guard case .reported = states[ObjectIdentifier(target)], let pid = oldestProcess(of: target) else { return }
            switch await resolution(of: target, pid: pid) {
            case .found(let metadata): renew(target, metadata)
            case .partial, .failed, .busy: refresh(target, attempt: attempt + 1)
            case .notFound: break
            }
        }
    }

    private func renew(_ container: Container, _ metadata: ContainerMetadata) {
        container.assumeIsolated { $0.renew(metadata: metadata) }
    }

    /// No runtime knows the path: its processes and sockets are the host's own.
    private func refute(_ container: Container) {
        let now = MonotonicClock.now()
        if refuted.count >= Self.maximumRefuted {
            refuted = refuted.filter { $0.value > now }
            // Any entry will do: forgetting one costs a look-up.
            if refuted.count >= Self.maximumRefuted, let any = refuted.first { refuted[any.key] = nil }
        }
        let root = container.classification.rootPath
        refuted[root] = now + Self.refutedLifetime
        for pid in container.assumeIsolated({ Array($0.processes.keys) }) { processes[pid] = nil }
        forget(container, root: root)
    }

    /// What systemd says of a unit may have it left out, so it is asked first. One whose name decides is not asked for.
    private func settle(_ container: Container, asking systemd: SystemdManager) {
        guard isWanted(identity(of: container, metadata: nil), properties: nil) else {
            return settle(container, metadata: nil)
        }
        let unit = SystemdManager.unit(ofCgroup: container.classification.rootPath)
        Task {
            let properties = await systemd.properties(of: unit)
            settle(container, metadata: nil, properties: properties)
        }
    }

    private func identity(of container: Container, metadata: ContainerMetadata?) -> ContainerIdentity? {
        let now = Int64(MonotonicClock.wallTime() / 1_000_000_000)
        return ContainerIdentity(
            container.classification, metadata: metadata, now: now, options: configuration.identity)
    }

    private func settle(_ container: Container, metadata: ContainerMetadata?, properties: SystemdProperties? = nil) {
        // It may have been given up meanwhile.
        guard case .pending = states[ObjectIdentifier(container)] else { return }
        guard let identity = identity(of: container, metadata: metadata), isWanted(identity, properties: properties)
        else {
            states[ObjectIdentifier(container)] = .ignored
            container.assumeIsolated { $0.leaveOut() }
            return
        }
        if let existing = byID[identity.containerID], existing !== container {
            container.assumeIsolated { $0.merge(into: existing) }
            noteRestart(of: existing)
            existing.assumeIsolated { existing in
                if let metadata { existing.renew(metadata: metadata) }
                if let properties { existing.renew(systemd: properties) }
            }
            byRoot[container.classification.rootPath] = existing
            states[ObjectIdentifier(container)] = nil
            track(existing, classification: container.classification)
            return
        }
        byID[identity.containerID] = container
        states[ObjectIdentifier(container)] = .reported
        let addresses = hostAddresses
        container.assumeIsolated {
            $0.hostAddresses = addresses
            $0.identify(identity, metadata: metadata ?? ContainerMetadata(), systemd: properties)
        }
        track(container, classification: container.classification)
    }

    /// Whether no filter leaves it out.
    private func isWanted(_ identity: ContainerIdentity?, properties: SystemdProperties?) -> Bool {
        guard let identity, configuration.containerFilter.allows(identity.containerID) else { return false }
        guard properties != nil || identity.containerID.hasPrefix("/system.slice/") else { return true }
        let unit = SystemdUnit.name(ofCgroup: identity.containerID)
        return !configuration.serviceFilter.skips(unit: unit, properties: properties)
    }

    private func track(_ container: Container, classification: CgroupClassification) {
        let pid = container.assumeIsolated { $0.processes.keys.first }
        Task { await collector.track(container, root: classification.rootPath, pid: pid.map { Int32(bitPattern: $0) }) }
    }

    // MARK: What comes back from the collector

    /// New readings of cgroup files.
    func update(_ readings: [ResourceCollector.Reading]) {
        for reading in readings { reading.container.assumeIsolated { $0.update(reading.usage) } }
    }

    /// What the collector is to look at: all containers that are reported.
    func resourceRequests() -> [ResourceRequest] {
        byID.values.map { container in container.assumeIsolated { $0.resourceRequest } }
    }

    /// Disks of containers, and delays of their processes.
    func update(disks: [ResourceRequest.Disks], delays: [DelayReader.Reading]) {
        for result in disks { result.container.assumeIsolated { $0.update(result) } }
        for reading in delays { reading.container.assumeIsolated { $0.update(reading.delays, of: reading.pid) } }
    }

    /// Addresses of network namespaces in which containers listen, and of the host.
    func update(addresses: [UInt32: [NetworkNamespace.LocalAddress]], host: [NetworkNamespace.LocalAddress]) {
        hostAddresses = host.map(\.address)
        configuration.context.filter.setNodeNetworks(host.map(\.network))
        let hostAddresses = hostAddresses
        for container in byID.values {
            container.assumeIsolated { container in
                container.hostAddresses = hostAddresses
                for netns in container.wantedNamespaces {
                    if let found = addresses[netns] { container.localAddresses[netns] = found }
                }
            }
        }
    }

    /// The network namespaces whose addresses are wanted, each with a process that lives in a container using it.
    func wantedNamespaces() -> [UInt32: [Int32]] {
        var wanted: [UInt32: [Int32]] = [:]
        for container in byID.values {
            container.assumeIsolated { container in
                let namespaces = container.wantedNamespaces
                if namespaces.isEmpty { return }
                let pids = container.processes.keys.prefix(3).map { Int32(bitPattern: $0) }
                for netns in namespaces { wanted[netns, default: []] += pids }
            }
        }
        return wanted
    }

    // MARK: Network namespaces

    /// A few processes of every reported container.
    public func someProcesses() -> [UInt32] {
        var found: [UInt32] = []
        for container in byID.values { container.assumeIsolated { found += $0.processes.keys.prefix(3) } }
        return found
    }

    /// A few processes of `container`.
    public func someProcesses(of container: Container) -> [UInt32] {
        current(container).assumeIsolated { Array($0.processes.keys.prefix(4)) }
    }

    /// Namespaces of containers whose connection tracking is open.
    public func openedNamespaces() -> [UInt32] { translations?.opened ?? [] }

    public func closeNamespaces(_ ended: Set<UInt32>) { translations?.close { !ended.contains($0) } }

    // MARK: GPUs

    /// What all processes do on GPUs; whoever is not in it does nothing there.
    public func update(gpu processes: [GPUProcess]) {
        let now = MonotonicClock.bootTime()
        var parts: [ObjectIdentifier: [GPUProcess]] = [:]
        var containers: [ObjectIdentifier: Container] = [:]
        for process in processes {
            guard let placement = self.processes[process.pid] else { continue }
            let container = current(placement.container)
            containers[ObjectIdentifier(container)] = container
            parts[ObjectIdentifier(container), default: []].append(process)
        }
        for (id, container) in gpuContainers where containers[id] == nil {
            container.assumeIsolated { $0.update(gpu: [], at: now) }
        }
        for (id, container) in containers {
            let part = parts[id] ?? []
            container.assumeIsolated { $0.update(gpu: part, at: now) }
        }
        gpuContainers = containers
    }

    // MARK: Logs

    /// All reported containers whose logs may be read; and by which names the journal has those that are not identified yet, nil
    /// while not even all processes older than the agent were placed.
    public func logRequests() -> (wanted: [LogRequest], undecided: Set<String>?) {
        let wanted = byID.values.compactMap { container in container.assumeIsolated { $0.logRequest } }
        return (wanted, isDiscovered ? undecidedNames() : nil)
    }

    private func undecidedNames() -> Set<String> {
        var names: Set<String> = []
        for container in byRoot.values {
            guard case .pending = states[ObjectIdentifier(container)] else { continue }
            let (unit, runtimeID) = Container.journalNames(container.classification)
            names.insert(runtimeID.isEmpty ? unit : runtimeID)
        }
        return names
    }

    /// What was counted of their messages.
    public func update(_ readings: [LogReading]) {
        for reading in readings { byID[reading.containerID]?.assumeIsolated { $0.update(reading) } }
    }

    // MARK: Latency

    /// Whom a container's latencies are to be measured to, and processes that may be in its network namespace.
    public struct LatencyTarget: Sendable {
        public let container: Container
        public let pids: [UInt32]
        public let addresses: [IPAddress]
    }

    /// All reported containers that connect to somebody.
    public func latencyTargets() -> [LatencyTarget] {
        byID.values.compactMap { container in
            container.assumeIsolated { state in
                let addresses = state.upstreams
                // What it connected to before is not shown any longer.
                if addresses.isEmpty || state.processes.isEmpty {
                    state.latencies = [:]
                    return nil
                }
                return LatencyTarget(
                    container: container, pids: Array(state.processes.keys.prefix(4)), addresses: addresses)
            }
        }
    }

    /// Live processes, at most `limit`, of those containers that ever had a connection or a listening socket and whose traces
    /// nobody opted out of.
    public func tracedProcesses(limit: Int) -> [TracedProcess] {
        var found = [TracedProcess]()
        for container in byID.values {
            container.assumeIsolated { container in
                let isListening = !container.listens.isEmpty
                guard isListening || !container.destinations.isEmpty || container.acceptedConnections > 0,
                    container.isInspectable,
                    !container.optOut.contains(.traces)
                else { return }
                for (pid, start) in container.processes where found.count < limit {
                    found.append(TracedProcess(pid: pid, start: start, isListening: isListening))
                }
            }
        }
        return found
    }

    /// Takes over a round of echoes; returns whether some address has to be measured by its connections.
    public func update(_ results: [(container: Container, outcomes: [IPAddress: EchoRound.Outcome])]) -> Bool {
        var needsConnections = false
        for result in results {
            let needs = current(result.container).assumeIsolated { $0.update(result.outcomes) }
            needsConnections = needsConnections || needs
        }
        return needsConnections
    }

    // MARK: Series

    /// Shows no containers until `time` (CLOCK_MONOTONIC), or until `relabel` or `release`: so that their series do not
    /// change their labels in the first seconds.
    public func hold(until time: UInt64) { heldUntil = time }

    public func release() { heldUntil = 0 }

    /// Gives every container, also those to come, other common labels.
    public func relabel(common: LabelSet) {
        heldUntil = 0
        context.common = common
        for container in byRoot.values { container.assumeIsolated { $0.relabel(common: common) } }
    }

    /// The series of all containers, and the CPU time that gathering them took, in nanoseconds.
    public func snapshot() -> (series: MetricsSnapshot, cpuNanoseconds: UInt64) {
        let begin = MonotonicClock.threadCPU()
        let now = MonotonicClock.bootTime()
        var snapshot = MetricsSnapshot(timestamp: Int64(MonotonicClock.wallTime() / 1_000_000))
        if MonotonicClock.now() >= heldUntil {
            for container in byID.values { container.assumeIsolated { $0.emit(into: &snapshot, now: now) } }
            context.names.forEachShown { address, name in
                let labels = context.common.adding([("ip", address.description), ("fqdn", name)])
                snapshot.add(.ipToFqdn, labels, 1)
            }
        }
        return (snapshot, MonotonicClock.threadCPU() - begin)
    }

    public var counts: ContainerCounts {
        var counts = ContainerCounts()
        for state in states.values {
            switch state {
            case .pending: counts.pending += 1
            case .reported: counts.reported += 1
            case .ignored, .unidentified: counts.ignored += 1
            }
        }
        counts.processes = processes.count
        counts.cgroups = cgroups.count
        return counts
    }

    // MARK: Garbage

    /// Forgets what ended longer than the retention ago, and the connections in `lost`, whose end was missed.
    public func collectGarbage(lost: Set<UInt64>) {
        let (now, bootTime) = (MonotonicClock.now(), MonotonicClock.bootTime())
        let retention = configuration.context.retention
        for pid in Array(processes.keys) where !Self.isAlive(pid) {
            // Its exit was lost, or waits in a ring: then it is not counted again.
            if processEnded(pid: pid, start: nil, at: bootTime, oomKilled: false) {
                configuration.context.drops.add("process_end_missed")
            }
        }
        for (key, entry) in cgroups {
            if let removed = entry.removedAt, now > removed + retention { cgroups[key] = nil }
        }
        collectNames(before: now > retention ? now - retention : 0)
        for (root, container) in byRoot {
            let expired = container.assumeIsolated { container in
                container.collectGarbage(now: now, lost: lost)
                return container.isExpired(now: bootTime)
            }
            if expired { forget(container, root: root) }
        }
    }

    /// Drops the names of addresses that no container connects to any more.
    private func collectNames(before limit: UInt64) {
        let names = configuration.context.names
        if names.isEmpty { return }
        var (addresses, used) = (Set<IPAddress>(), Set<UInt32>())
        for container in byRoot.values {
            container.assumeIsolated { container in
                for key in container.destinations.keys {
                    used.insert(key.name)
                    addresses.insert(key.destination.address)
                    addresses.insert(key.actual.address)
                }
            }
        }
        names.collectGarbage(olderThan: limit, isDestination: addresses.contains, used: used)
    }

    private func forget(_ container: Container, root: String) {
        byRoot[root] = nil
        if let id = container.assumeIsolated({ $0.identity?.containerID }), byID[id] === container { byID[id] = nil }
        states[ObjectIdentifier(container)] = nil
        for (key, entry) in cgroups where entry.container === container { cgroups[key]?.container = nil }
        Task { await collector.untrack(container) }
    }
}

extension CgroupClassification {
    /// Whether its path names a container of a runtime beyond doubt.
    var isContainer: Bool { kind.needsMetadata && !isCandidate }
}
