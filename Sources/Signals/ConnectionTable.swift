internal import CEvents
internal import Containers
internal import Linux
internal import Network
internal import Ring

/// Which container has which socket: the state of `ConnectionSignal`, in the form in which it can be used while isolated to
/// the registry.
///
/// A connection stays with the container that had it first. Events whose container or connection is not known yet wait, see
/// `Deferred`.
final class ConnectionTable {
    private static let maximumDeferred = 65_536
    private static let maximumOwners = 1 << 20
    private static let maximumWaiting = 8192
    /// How long events wait for their network namespace.
    private static let longestWait: UInt64 = 1_000_000_000

    /// By socket; also of listening ones.
    private var owners: [UInt64: Container] = [:]
    private var deferred: Deferred<martlet_tcp>
    private var deferredListens: Deferred<martlet_listen>
    private var ownersFull: UInt64 = 0
    /// Outbound events of namespaces whose connection tracking is being opened, in order, each with when it came.
    private var waiting: [(event: martlet_tcp, since: UInt64)] = []
    private var wanted: [ConnectionSignal.WantedNamespace] = []
    /// Connections that ended while they waited here, of this pass and the last: what was said on them may wait too.
    private var recent: (now: [UInt64: RequestTarget], before: [UInt64: RequestTarget]) = ([:], [:])
    /// Sockets that the last collection missed.
    private var suspects = Set<UInt64>()

    init() {
        deferred = Deferred(limit: Self.maximumDeferred)
        deferredListens = Deferred(limit: Self.maximumDeferred)
    }

    func consume(_ batch: RecordBatch, _ registry: isolated Registry) {
        var run = 0
        var runOwner: Container?
        for index in 0..<batch.count {
            let owner = owner(batch, index, registry)
            if owner === runOwner { continue }
            Self.hand(batch[run..<index], to: runOwner)
            run = index
            runOwner = owner
        }
        Self.hand(batch[run..<batch.count], to: runOwner)
    }

    private static func hand(_ batch: RecordBatch, to container: Container?) {
        guard let container, batch.count > 0 else { return }
        container.onLane(batch) { $0.apply($1) }
    }

    /// The container of the record at `index`; nil if it has none, or if the event has to wait.
    private func owner(_ batch: RecordBatch, _ index: Int, _ registry: isolated Registry) -> Container? {
        guard let header = batch.load(index, as: martlet_header.self) else { return nil }
        switch header.type {
        case MARTLET_TCP_LISTEN_OPEN.rawValue, MARTLET_TCP_LISTEN_CLOSE.rawValue:
            guard let event = batch.load(index, as: martlet_listen.self) else { return nil }
            let isOpen = header.type == MARTLET_TCP_LISTEN_OPEN.rawValue
            if isOpen, !registry.knows(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) {
                deferredListens.add(event)
                return nil
            }
            if !isOpen, owners[event.ends.id] == nil {
                deferredListens.add(event)
                return nil
            }
            return owner(of: event, registry)
        default:
            guard let event = batch.load(index, as: martlet_tcp.self) else { return nil }
            if isUnexplained(event, registry) {
                deferred.add(event)
                return nil
            }
            if mustWait(event, registry) { return nil }
            return owner(of: event, registry)
        }
    }

    // MARK: Network namespaces

    /// Whether the event has to wait until it can be told where its connection goes; then it does.
    private func mustWait(_ event: martlet_tcp, _ registry: isolated Registry) -> Bool {
        guard let translations = registry.translations, translations.isUnready(event.ends.netns),
            event.role == MARTLET_OUTBOUND.rawValue
        else { return false }
        return wait(event, translations, registry)
    }

    private func wait(
        _ event: martlet_tcp, _ translations: Translations, _ registry: isolated Registry
    ) -> Bool {
        let header = event.header
        // Most namespaces have nobody in them who is reported.
        guard let container = registry.container(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) else {
            return false
        }
        guard waiting.count < Self.maximumWaiting else {
            translations.refuse(event.ends.netns)
            release(event.ends.netns, registry)
            return false
        }
        if translations.open(event.ends.netns) {
            wanted.append(
                ConnectionSignal.WantedNamespace(netns: event.ends.netns, pid: header.pid, container: container))
        }
        waiting.append((event, MonotonicClock.now()))
        return true
    }

    func takeWanted() -> [ConnectionSignal.WantedNamespace] {
        if wanted.isEmpty { return [] }
        defer { wanted.removeAll() }
        return wanted
    }

    func opened(_ netns: UInt32, _ socket: ConntrackSocket?, _ registry: isolated Registry) {
        if let socket {
            registry.translations?.add(socket)
        } else {
            registry.translations?.refuse(netns)
        }
        release(netns, registry)
    }

    /// Applies what waited for a namespace, in order.
    private func release(_ netns: UInt32, _ registry: isolated Registry) {
        let ready = waiting.filter { $0.event.ends.netns == netns }
        if ready.isEmpty { return }
        waiting.removeAll { $0.event.ends.netns == netns }
        for entry in ready { apply(late: entry.event, registry) }
    }

    /// Applies an event that had to wait.
    private func apply(late event: martlet_tcp, _ registry: isolated Registry) {
        guard let container = owner(of: event, registry) else { return }
        let ended = container.assumeIsolated { container in
            let isEnd = event.header.type == MARTLET_TCP_CLOSED.rawValue
            let target = isEnd ? container.requestTarget(of: event.ends.id) : nil
            container.apply(event)
            return target
        }
        if let ended { recent.now[event.ends.id] = ended }
    }

    /// Where requests on a connection are counted; nil if it is not known, or not yet.
    func requestTarget(of connection: UInt64) -> RequestTarget? {
        if let owner = owners[connection] { return owner.assumeIsolated { $0.requestTarget(of: connection) } }
        return recent.now[connection] ?? recent.before[connection]
    }

    private func releaseLate(_ registry: isolated Registry) {
        let now = MonotonicClock.now()
        while let first = waiting.first, now > first.since + Self.longestWait {
            registry.translations?.refuse(first.event.ends.netns)
            late &+= 1
            release(first.event.ends.netns, registry)
        }
    }

    /// Namespaces that could not be opened in time.
    private(set) var late: UInt64 = 0

    private func isUnexplained(_ event: martlet_tcp, _ registry: isolated Registry) -> Bool {
        let header = event.header
        guard registry.knows(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) else { return true }
        guard header.type == MARTLET_TCP_CLOSED.rawValue, owners[event.ends.id] == nil else { return false }
        // Most sockets belong to no container: their ends need no beginning.
        return registry.container(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) != nil
    }

    private func owner(of event: martlet_tcp, _ registry: isolated Registry) -> Container? {
        let socket = event.ends.id
        switch event.header.type {
        case MARTLET_TCP_CLOSED.rawValue:
            return owners.removeValue(forKey: socket)
                ?? registry.container(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup)
        case MARTLET_TCP_FAILED.rawValue:
            return registry.container(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup)
        default:
            return claim(socket, event.header, registry)
        }
    }

    private func owner(of event: martlet_listen, _ registry: isolated Registry) -> Container? {
        if event.header.type == MARTLET_TCP_LISTEN_CLOSE.rawValue {
            return owners.removeValue(forKey: event.ends.id)
        }
        return claim(event.ends.id, event.header, registry)
    }

    private func claim(_ socket: UInt64, _ header: martlet_header, _ registry: isolated Registry) -> Container? {
        guard let container = registry.container(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) else {
            owners[socket] = nil
            return nil
        }
        if owners.count < Self.maximumOwners { owners[socket] = container } else { ownersFull += 1 }
        return container
    }

    var isSettled: Bool {
        deferred.isEmpty && deferredListens.isEmpty && waiting.isEmpty && recent.now.isEmpty && recent.before.isEmpty
    }

    /// After a pass over all rings: see `Deferred`.
    func settle(_ registry: isolated Registry) {
        recent = ([:], recent.now)
        releaseLate(registry)
        deferredListens.settle { event, isLast in
            let isOpen = event.header.type == MARTLET_TCP_LISTEN_OPEN.rawValue
            let isExplained =
                isOpen
                ? registry.knows(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup)
                : owners[event.ends.id] != nil
            guard isExplained || isLast, let container = owner(of: event, registry) else { return isLast }
            container.assumeIsolated { container in
                if isOpen {
                    container.listenOpened(event.ends)
                } else {
                    container.listenClosed(event.ends.id)
                }
            }
            return true
        }
        deferred.settle { event, isLast in
            guard isLast || !isUnexplained(event, registry) else { return false }
            if mustWait(event, registry) { return true }
            apply(late: event, registry)
            return true
        }
    }

    /// Counters of connections that are still open.
    func sample(_ row: martlet_tcp_sample) {
        owners[row.id]?.assumeIsolated { $0.sample(row) }
    }

    func roundTrip(_ row: martlet_tcp_round_trip) {
        owners[row.id]?.assumeIsolated { $0.roundTrip(row) }
    }

    /// Sockets that are older than the agent: listening ones first, so that inbound connections can be told by their port.
    func found(_ rows: [martlet_tcp_found], _ actual: [UInt64: Endpoint], _ registry: isolated Registry) {
        var listening = Set<UInt64>()
        for row in rows where row.header.type == MARTLET_TCP_LISTEN_OPEN.rawValue {
            listening.insert(UInt64(row.ends.netns) << 16 | UInt64(row.ends.local_port))
            if owners[row.ends.id] != nil { continue }
            claim(row.ends.id, row.header, registry)?.assumeIsolated { $0.listenOpened(row.ends) }
        }
        for row in rows where row.header.type == MARTLET_TCP_ESTABLISHED.rawValue {
            if owners[row.ends.id] != nil { continue }
            let isInbound =
                listening.contains(UInt64(row.ends.netns) << 16 | UInt64(row.ends.local_port))
                || row.ends.remote_port > row.ends.local_port
            claim(row.ends.id, row.header, registry)?
                .assumeIsolated {
                    $0.found(row.ends, isInbound: isInbound, actual: actual[row.ends.id], at: row.header.time_ns)
                }
        }
    }

    /// Forgets sockets that the kernel no longer has, and returns them. Only what was missing last time too: the end of
    /// another may still wait in a ring.
    func collectGarbage(open: Set<UInt64>) -> Set<UInt64> {
        let missing = Set(owners.keys.lazy.filter { !open.contains($0) })
        let lost = missing.intersection(suspects)
        suspects = missing.subtracting(lost)
        for socket in lost { owners[socket] = nil }
        return lost
    }

    var overflowed: UInt64 { deferred.overflowed + deferredListens.overflowed + ownersFull }
}
