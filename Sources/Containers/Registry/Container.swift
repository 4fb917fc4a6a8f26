public import CEvents
internal import Host
internal import Linux
internal import Logs
internal import Metrics
public import Network
public import Ring
internal import Traces

/// One container, service or pod member: its processes, its connections, its counters and its series.
///
/// Lives on the lane of the rings, which feed it batches of its own events without a hop. It exists from its first event;
/// who it is (`identity`) is found out meanwhile, and nothing is lost in between.
///
/// Invariants: every table is bounded by a `maximum…` constant and what exceeds it is counted; an event changes at most one
/// entry, so that applying one allocates nothing once the tables have grown.
public actor Container {
    static let maximumDestinations = 10_000
    static let maximumConnections = 65_536
    static let maximumListens = 20_000

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private(set) var context: ContainerContext

    /// The classification of the cgroup through which the container was found first.
    public nonisolated let classification: CgroupClassification

    /// Set where another object turned out to be the same container: it takes over everything that still comes here.
    var successor: Container?

    private(set) var identity: ContainerIdentity?
    private(set) var metadata = ContainerMetadata()
    private var systemd: SystemdProperties?
    var labels: LabelSet?
    var infoLabels: LabelSet?
    var pressureLabels: (some: LabelSet, full: LabelSet)?
    var directionLabels: (sent: LabelSet, received: LabelSet)?

    /// Live processes: start time (CLOCK_BOOTTIME) by process id.
    private(set) var processes: [UInt32: UInt64] = [:]
    /// What is known of them beyond that.
    private(set) var facts = ProcessFactsTable()
    /// False once a look at one of its processes did not come back.
    var isInspectable = true
    private var metadataOptOut: SignalOptOut = []
    var applicationLabels: [ApplicationType: LabelSet] = [:]
    var optOutLabels: [SignalOptOut: LabelSet] = [:]
    /// CLOCK_BOOTTIME.
    let createdAt: UInt64
    private(set) var startedAt: UInt64?
    /// A process that began at `startedAt` or before, while it lives.
    private var eldest: UInt32?
    private(set) var lastExit: UInt64?
    private(set) var restarts: UInt64 = 0
    /// Times at which the last process seemed to end before another began, until all rings were read; see `judgeRestarts`.
    private var emptied: [Emptied] = []
    private(set) var oomKills: UInt64 = 0

    var destinations: [DestinationKey: TCPDestination] = [:]
    private(set) var connections: [UInt64: Connection] = [:]
    /// By address, of the last round.
    var latencies: [IPAddress: Latency] = [:]
    private(set) var acceptedConnections: UInt64 = 0
    private(set) var inboundBytesSent: UInt64 = 0
    private(set) var inboundBytesReceived: UInt64 = 0

    var inboundRequests = RequestTable()
    private(set) var resource: ResourceFacts?
    /// Filtered, or of a kind that is not reported.
    private(set) var isLeftOut = false
    var dnsRequests: DNSCounters?

    private var listenSockets: [UInt64: ListenKey] = [:]
    /// Open sockets by address; 0 with the time of closing for closed ones.
    var listens: [ListenKey: ListenState] = [:]
    /// Addresses of the network namespaces in which the container listens on every address.
    var localAddresses: [UInt32: [NetworkNamespace.LocalAddress]] = [:]
    /// Addresses of the host, for published ports.
    var hostAddresses: [IPAddress] = []

    var usage = CgroupUsage()

    /// By GPU, as of `gpuTime` (CLOCK_BOOTTIME).
    var gpuUsage: [String: GPUUsage] = [:]
    var gpuTime: UInt64 = 0
    var gpuLabels: [String: LabelSet] = [:]

    /// Mounts on which the container was seen writing: the process that did, by mount id.
    var writtenMounts: [UInt32: UInt32] = [:]
    var disks: [DiskReading] = []
    var diskLabels: [DiskReading.Place: LabelSet] = [:]
    var delays = ContainerDelays()

    /// Counts of messages by source, and the label sets of their patterns, which keep their places.
    var logs: [String: [PatternTable.Pattern]] = [:]
    var logLabels: [String: [LabelSet]] = [:]

    /// Cached label sets of listening addresses.
    var listenLabels: [String: LabelSet] = [:]

    public init(lane: Lane, context: ContainerContext, classification: CgroupClassification) {
        self.lane = lane
        self.context = context
        self.classification = classification
        self.createdAt = MonotonicClock.bootTime()
    }

    // MARK: Identity

    func leaveOut() { isLeftOut = true }

    func identify(_ identity: ContainerIdentity, metadata: ContainerMetadata, systemd: SystemdProperties? = nil) {
        self.identity = identity
        self.metadata = metadata
        self.systemd = systemd
        let base = context.common.adding([("container_id", identity.containerID), ("app_id", identity.appID)])
        labels = base
        resource = ResourceFacts(
            serviceName: identity.appID.isEmpty ? identity.containerID : identity.appID,
            containerID: identity.containerID, hostName: context.hostName, hostID: context.hostID)
        infoLabels = nil
        pressureLabels = nil
        directionLabels = nil
        listenLabels.removeAll()
        gpuLabels.removeAll()
        applicationLabels.removeAll()
        optOutLabels.removeAll()
        metadataOptOut = SignalOptOut(environment: metadata.environment)
        diskLabels.removeAll()
        logLabels.removeAll()
        inboundRequests.forgetLabels()
        dnsRequests?.forgetLabels()
        for destination in destinations.values { destination.forgetLabels() }
        let (triggeredBy, type) = (systemd?.triggeredBy ?? "", systemd?.type ?? "")
        let copied = metadata.metricLabels(context.labels)
        if !metadata.image.isEmpty || !triggeredBy.isEmpty || !type.isEmpty || !copied.isEmpty {
            infoLabels = base.adding(
                [("image", metadata.image), ("systemd_triggered_by", triggeredBy), ("systemd_type", type)] + copied)
        }
        let truncated = base.truncatedValues + (infoLabels?.truncatedValues ?? 0)
        if truncated > 0 { context.faults.add("label_value_too_long", UInt64(truncated)) }
    }

    /// The labels of every series are others now.
    func relabel(common: LabelSet) {
        context.common = common
        if let identity { identify(identity, metadata: metadata, systemd: systemd) }
    }

    /// A newer container of the same id: what is known about it replaces the old knowledge.
    func renew(metadata: ContainerMetadata) {
        if let identity { identify(identity, metadata: metadata, systemd: systemd) }
    }

    /// The same for a unit that began again.
    func renew(systemd: SystemdProperties) {
        if let identity, systemd != self.systemd { identify(identity, metadata: metadata, systemd: systemd) }
    }

    /// Hands all state to `other`, which is the same container, and everything that still comes.
    func merge(into other: Container) {
        successor = other
        let (processes, destinations, connections) = (processes, destinations, connections)
        let (listenSockets, listens, oomKills) = (listenSockets, listens, oomKills)
        let inbound = (acceptedConnections, inboundBytesSent, inboundBytesReceived)
        let (inboundRequests, dnsRequests) = (inboundRequests, dnsRequests)
        let facts = facts
        let (writtenMounts, delays) = (writtenMounts, delays)
        other.assumeIsolated { other in
            for (mount, pid) in writtenMounts { other.wrote(mount: mount, pid: pid) }
            other.delays.merge(delays)
            for (pid, start) in processes { other.processStarted(pid, start) }
            other.facts.merge(facts)
            for destination in destinations.values { other.add(destination) }
            for (socket, connection) in connections where other.connections[socket] == nil {
                var moved = connection
                moved.destination = connection.destination.flatMap { other.destinations[$0.key] }
                other.connections[socket] = moved
            }
            other.listenSockets.merge(listenSockets) { mine, _ in mine }
            other.listens.merge(listens) { mine, theirs in
                mine.openSockets > 0 ? ListenState(openSockets: mine.openSockets + theirs.openSockets) : theirs
            }
            other.oomKills += oomKills
            other.acceptedConnections += inbound.0
            other.inboundBytesSent += inbound.1
            other.inboundBytesReceived += inbound.2
            other.inboundRequests.add(inboundRequests)
            if let dnsRequests {
                if other.dnsRequests == nil {
                    other.dnsRequests = dnsRequests
                } else {
                    other.dnsRequests?.add(dnsRequests)
                }
            }
        }
        self.processes = [:]
        self.facts = ProcessFactsTable()
        self.destinations = [:]
        self.inboundRequests = RequestTable()
        self.dnsRequests = nil
        self.connections = [:]
        self.listenSockets = [:]
        self.listens = [:]
    }

    private func add(_ destination: TCPDestination) {
        if let known = destinations[destination.key] {
            known.add(destination)
        } else {
            destination.forgetLabels()
            destinations[destination.key] = destination
        }
    }

    // MARK: Processes

    /// How much newer than the last start every live process must be to make a restart of a container that never stood
    /// empty: a runtime's own helper processes come and go in its first moments.
    private static let replacementGrace: UInt64 = 2_000_000_000

    /// When nobody seemed to live here (CLOCK_BOOTTIME), and whether a process turned out to have lived beyond that.
    private struct Emptied {
        let time: UInt64
        var wasAlive = false
        /// Whether `judgeRestarts` was asked once since.
        var isOld = false
    }

    /// Whether there is something for `judgeRestarts`.
    var mayHaveRestarted: Bool { !emptied.isEmpty }

    /// A process began here, or moved here from a container that has counted `delays` of it. `start` is its CLOCK_BOOTTIME.
    func processStarted(_ pid: UInt32, _ start: UInt64, delays: ProcessDelays.Delays? = nil) {
        processes[pid] = start
        if pid == eldest { eldest = nil }
        if let delays { self.delays.arrive(pid, with: delays) }
        let emptySince = lastExit
        lastExit = nil
        // A process as old as the container lives: nothing can have begun again, however many there are.
        if let eldest, processes[eldest] != nil { return }
        guard let (eldest, oldest) = processes.min(by: { $0.value < $1.value }) else { return }
        self.eldest = eldest
        guard let began = startedAt else {
            startedAt = oldest
            return
        }
        guard oldest > began else { return }
        startedAt = oldest
        if oldest > began + Self.replacementGrace {
            restarts += 1
        } else if let emptySince, start > emptySince {
            emptied.append(Emptied(time: emptySince))
        }
    }

    /// Counts the times at which the container stood empty and began again, as far as that is true; to be called after each
    /// pass over the rings.
    ///
    /// The beginning of a process that was there meanwhile may stand in a ring that is read after the one that told of the last
    /// end and of the next beginning, that is in the next pass at the latest: what is told in a pass is judged after the next.
    func judgeRestarts() {
        for moment in emptied where moment.isOld && !moment.wasAlive {
            if !processes.values.contains(where: { $0 <= moment.time }) { restarts += 1 }
        }
        emptied.removeAll { $0.isOld }
        for index in emptied.indices { emptied[index].isOld = true }
    }

    /// A process ended here with these totals of its delays, or moved to another container, at `time` (CLOCK_BOOTTIME). Returns
    /// the delays that were counted of it.
    @discardableResult
    func processLeft(
        _ pid: UInt32, at time: UInt64, oomKilled: Bool = false, delays: ProcessDelays.Delays? = nil
    ) -> ProcessDelays.Delays? {
        if oomKilled { oomKills += 1 }
        guard let start = processes.removeValue(forKey: pid) else { return nil }
        for index in emptied.indices where start <= emptied[index].time && time > emptied[index].time {
            emptied[index].wasAlive = true
        }
        facts.forget(pid)
        if let delays { self.delays.add(delays, of: pid) }
        if processes.isEmpty { lastExit = time }
        return self.delays.leave(pid)
    }

    /// When a process of this container began; nil if it has left, or is not to be looked at.
    func startOfInspectable(_ pid: UInt32) -> UInt64? { isInspectable ? processes[pid] : nil }

    /// What was found out about a process, if it is still the one that began at `start`.
    func learn(_ new: ProcessFacts, of pid: UInt32, started start: UInt64) {
        if processes[pid] == start { facts.learn(new, of: pid) }
    }

    /// The signals that must not be collected from this container, because a live process or the container's own
    /// environment says so (`SignalOptOut`). Changes while the container lives: ask before every use.
    public var optOut: SignalOptOut {
        if let successor { return successor.assumeIsolated { $0.optOut } }
        return facts.optOut.union(metadataOptOut)
    }

    // MARK: Events

    /// Applies a batch of TCP events, all of this container.
    public func apply(_ batch: RecordBatch) {
        if let successor {
            successor.assumeIsolated { $0.apply(batch) }
            return
        }
        for index in 0..<batch.count {
            guard let header = batch.load(index, as: martlet_header.self) else { continue }
            switch header.type {
            case MARTLET_TCP_LISTEN_OPEN.rawValue:
                if let event = batch.load(index, as: martlet_listen.self) { listenOpened(event.ends) }
            case MARTLET_TCP_LISTEN_CLOSE.rawValue:
                if let event = batch.load(index, as: martlet_listen.self) { listenClosed(event.ends.id) }
            default:
                if let event = batch.load(index, as: martlet_tcp.self) { apply(event) }
            }
        }
    }

    /// Applies one connection event.
    public func apply(_ event: martlet_tcp) {
        if let successor {
            successor.assumeIsolated { $0.apply(event) }
            return
        }
        let isInbound = event.role == MARTLET_INBOUND.rawValue
        switch event.header.type {
        case MARTLET_TCP_ESTABLISHED.rawValue:
            let destination = isInbound ? nil : destination(of: event.ends)
            destination?.connected(at: event.header.time_ns, after: event.duration_ns)
            remember(event.ends.id, Connection(destination: destination, isInbound: false, event.ends))
        case MARTLET_TCP_ACCEPTED.rawValue:
            acceptedConnections += 1
            remember(event.ends.id, Connection(destination: nil, isInbound: true, event.ends))
        case MARTLET_TCP_FAILED.rawValue:
            if !isInbound, let destination = destination(of: event.ends, isEstablished: false) {
                destination.failedConnects += 1
                destination.lastAttempt = event.header.time_ns
            }
        case MARTLET_TCP_CLOSED.rawValue:
            closed(event, isInbound)
        default:
            context.drops.add("unknown_event")
        }
    }

    /// A connection that is older than the agent.
    /// - Parameter actual: where it goes behind NAT, if that was found out; nil asks.
    public func found(_ ends: martlet_endpoints, isInbound: Bool, actual: Endpoint? = nil, at time: UInt64) {
        if let successor {
            successor.assumeIsolated { $0.found(ends, isInbound: isInbound, actual: actual, at: time) }
            return
        }
        let destination = isInbound ? nil : destination(of: ends, actual: actual)
        destination?.connected(at: time, after: 0)
        remember(ends.id, Connection(destination: destination, isInbound: isInbound, ends))
    }

    /// Counters of a connection that is still open.
    public func sample(_ row: martlet_tcp_sample) {
        if let successor {
            successor.assumeIsolated { $0.sample(row) }
            return
        }
        guard var connection = connections[row.id] else { return }
        account(&connection, sent: row.bytes_sent, received: row.bytes_received, retransmits: row.retransmits)
        connections[row.id] = connection
    }

    private func closed(_ event: martlet_tcp, _ isInbound: Bool) {
        var connection: Connection
        if let known = connections.removeValue(forKey: event.ends.id) {
            connection = known
        } else {
            // Its beginning was lost: the event says enough to count it now.
            connection = Connection(
                destination: isInbound ? nil : destination(of: event.ends), isInbound: isInbound, event.ends)
            if isInbound { acceptedConnections += 1 }
            connection.destination?.connected(at: event.header.time_ns, after: 0)
        }
        account(
            &connection, sent: event.bytes_sent, received: event.bytes_received,
            retransmits: UInt64(event.retransmits))
        connection.destination?.activeConnections -= 1
    }

    private func drop(_ socket: UInt64) {
        connections.removeValue(forKey: socket)?.destination?.activeConnections -= 1
    }

    /// Takes over what the counters grew by; they only grow.
    private func account(_ connection: inout Connection, sent: UInt64, received: UInt64, retransmits: UInt64) {
        let moreSent = sent > connection.bytesSent ? sent - connection.bytesSent : 0
        let moreReceived = received > connection.bytesReceived ? received - connection.bytesReceived : 0
        let moreRetransmits = retransmits > connection.retransmits ? retransmits - connection.retransmits : 0
        connection.bytesSent += moreSent
        connection.bytesReceived += moreReceived
        connection.retransmits += moreRetransmits
        if let destination = connection.destination {
            destination.bytesSent += moreSent
            destination.bytesReceived += moreReceived
            destination.retransmits += moreRetransmits
        } else if connection.isInbound {
            inboundBytesSent += moreSent
            inboundBytesReceived += moreReceived
        }
    }

    private func remember(_ socket: UInt64, _ connection: Connection) {
        guard connections.count < Self.maximumConnections else {
            context.drops.add("connections_full")
            return
        }
        connections[socket] = connection
    }

    /// The destination's entry, made if the filter keeps it; nil otherwise.
    ///
    /// A connection that failed never went anywhere: it counts for the destination alone.
    private func destination(
        of ends: martlet_endpoints, isEstablished: Bool = true, actual found: Endpoint? = nil
    ) -> TCPDestination? {
        let endpoint = Endpoint(remote: ends)
        var actual = found ?? endpoint
        if found == nil, isEstablished, let translations = context.translations {
            actual = translations.actual(source: Endpoint(local: ends), destination: endpoint, netns: ends.netns)
        }
        var key = DestinationKey(destination: endpoint, actual: actual)
        if !context.names.isEmpty {
            let name = context.names.name(replacing: endpoint.address, actual: actual.address)
            if name != 0 {
                let port = Endpoint(address: .unspecified, port: endpoint.port)
                key = DestinationKey(destination: port, actual: port, name: name)
            }
        }
        if let known = destinations[key] { return known }
        let isHostNetwork = ends.netns == context.hostNetns
        guard context.filter.keeps(endpoint, actual: actual, isHostNetwork: isHostNetwork) else { return nil }
        guard destinations.count < Self.maximumDestinations else {
            context.drops.add("destinations_full")
            return nil
        }
        let made = TCPDestination(key: key)
        destinations[key] = made
        return made
    }

    // MARK: Listening sockets

    public func listenOpened(_ ends: martlet_endpoints) {
        if let successor {
            successor.assumeIsolated { $0.listenOpened(ends) }
            return
        }
        let key = ListenKey(endpoint: Endpoint(local: ends), netns: ends.netns)
        if context.filter.isEphemeral(key.endpoint.port) { return }
        guard listenSockets[ends.id] == nil else { return }
        guard listens[key] != nil || listens.count < Self.maximumListens else {
            context.drops.add("listens_full")
            return
        }
        listenSockets[ends.id] = key
        listens[key, default: ListenState(openSockets: 0)].openSockets += 1
    }

    public func listenClosed(_ socket: UInt64) {
        if let successor {
            successor.assumeIsolated { $0.listenClosed(socket) }
            return
        }
        guard let key = listenSockets.removeValue(forKey: socket) else { return }
        listens[key]?.openSockets -= 1
        listens[key]?.closedAt = MonotonicClock.now()
    }

    /// Network namespaces whose addresses are needed to tell where the container listens.
    var wantedNamespaces: Set<UInt32> {
        var wanted = Set<UInt32>()
        for key in listens.keys where key.endpoint.address.isUnspecified { wanted.insert(key.netns) }
        return wanted
    }

    // MARK: Collection

    func update(_ usage: CgroupUsage) { self.usage = usage }

    /// Drops what is idle or closed for longer than the retention, and the connections in `lost`.
    func collectGarbage(now: UInt64, lost: Set<UInt64>) {
        for socket in lost {
            if connections[socket] == nil, listenSockets[socket] == nil { continue }
            drop(socket)
            listenClosed(socket)
            context.drops.add("socket_end_missed")
        }
        let limit = now > context.retention ? now - context.retention : 0
        for (key, destination) in destinations
        where destination.activeConnections <= 0 && destination.lastAttempt < limit {
            destinations[key] = nil
        }
        for (key, state) in listens where state.openSockets <= 0 && state.closedAt < limit { listens[key] = nil }
        listenLabels.removeAll()
    }

    /// Whether nothing lived here since the retention began.
    func isExpired(now: UInt64) -> Bool {
        let end = lastExit ?? createdAt
        return processes.isEmpty && now > end && now - end > context.retention
    }

    var openConnections: Int { connections.count }
}
