internal import CEvents
public import Containers
public import Kernel
internal import Linux
internal import Protocols
public import Ring

/// What is said on connections: has it read, and counts requests with the container and destination of their connection.
///
/// Records come in the order of their connection's life, through one ring. Those that come before their connection is
/// known (its cgroup's announcement stands in another ring, or its network namespace is being opened) wait, bounded in
/// bytes and time.
public actor RequestSignal {
    static let maximumFlows = 65_536
    static let maximumWaitingBytes = 4 << 20
    /// Longer than connections wait for their namespace (`ConnectionTable`).
    private static let longestWait: UInt64 = 1_500_000_000
    /// Without an answer for so long, a request is counted as unanswered.
    private static let longestAnswer: UInt64 = 600_000_000_000

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let kernel: KernelSide
    private let registry: Registry
    private let connections: ConnectionSignal
    private let settings: RequestSettings
    private var flows: [UInt64: RequestFlow] = [:]
    private var datagrams: [ObjectIdentifier: DatagramFlow] = [:]

    private struct Waiting {
        let since: UInt64
        let record: [UInt8]
    }

    private var waiting: [Waiting] = []
    private var waitingBytes = 0
    /// Records given up because too much waited, or because nobody turned out to have their connection.
    private(set) var overflowed: UInt64 = 0
    private(set) var unplaced: UInt64 = 0

    public init(
        lane: Lane, kernel: KernelSide, registry: Registry, connections: ConnectionSignal, settings: RequestSettings
    ) {
        self.lane = lane
        self.kernel = kernel
        self.registry = registry
        self.connections = connections
        self.settings = settings
    }

    var droppedSpans: UInt64 { settings.droppedSpans }
    var gaps: UInt64 { settings.gaps }
    var holdsSpans: Bool { settings.holdsSpans }
    func giveUpSpans() { settings.giveUpSpans() }

    /// Segments of containers that were read.
    public private(set) var readSegments: UInt64 = 0
    /// Connections that are read.
    public var openFlows: Int { flows.count }

    func consume(_ batch: RecordBatch) {
        for index in 0..<batch.count where !take(batch[index]) { wait(batch[index]) }
    }

    /// Connections of a batch that ended: what they still owe will not come.
    func ended(_ batch: RecordBatch) {
        if flows.isEmpty { return }
        for index in 0..<batch.count {
            guard let event = batch.load(index, as: martlet_tcp.self),
                event.header.type == MARTLET_TCP_CLOSED.rawValue, let flow = flows.removeValue(forKey: event.ends.id)
            else { continue }
            flow.end(at: event.header.time_ns)
        }
    }

    /// After a pass over all rings: what had to wait is tried again.
    func settle() {
        settings.settle()
        if waiting.isEmpty { return }
        let now = MonotonicClock.now()
        let tried = waiting
        waiting.removeAll(keepingCapacity: true)
        waitingBytes = 0
        for entry in tried {
            if entry.record.withUnsafeBytes({ take($0) }) { continue }
            if now > entry.since + Self.longestWait {
                unplaced &+= 1
            } else {
                waiting.append(entry)
                waitingBytes += entry.record.count
            }
        }
    }

    /// Requests that the kernel counted, of a connection that is still open.
    func count(_ row: martlet_http_counts) {
        withUnsafeBytes(of: row) { if !take($0) { wait($0) } }
    }

    /// Gives up requests that have waited too long for their answers.
    func giveUp() {
        let now = MonotonicClock.now()
        guard now > Self.longestAnswer else { return }
        for flow in flows.values where flow.isWaiting { flow.giveUp(before: now - Self.longestAnswer, at: now) }
        for flow in datagrams.values { flow.giveUp(at: now) }
    }

    /// Forgets connections whose end was missed.
    func collectGarbage(lost: Set<UInt64>) {
        for id in lost { flows.removeValue(forKey: id)?.end(at: MonotonicClock.now()) }
        datagrams = datagrams.filter { !$0.value.isIdle }
    }

    // MARK: One record

    private func wait(_ record: UnsafeRawBufferPointer) {
        guard waitingBytes < Self.maximumWaitingBytes else {
            overflowed &+= 1
            return
        }
        waiting.append(Waiting(since: MonotonicClock.now(), record: Array(record)))
        waitingBytes += record.count
    }

    /// Returns false if it has to wait.
    private func take(_ record: UnsafeRawBufferPointer) -> Bool {
        guard record.count >= MemoryLayout<martlet_header>.size else { return true }
        switch record.loadUnaligned(as: martlet_header.self).type {
        case MARTLET_SEGMENT.rawValue: return takeSegment(record)
        case MARTLET_DATAGRAM.rawValue: return takeDatagram(record)
        case MARTLET_HTTP_COUNTS.rawValue: return takeCounts(record)
        default: return true
        }
    }

    private func takeSegment(_ record: UnsafeRawBufferPointer) -> Bool {
        let begin = MemoryLayout<martlet_segment>.size
        guard record.count >= begin else { return true }
        let segment = record.loadUnaligned(as: martlet_segment.self)
        guard begin + Int(segment.captured) <= record.count else { return true }
        let bytes = UnsafeRawBufferPointer(rebasing: record[begin..<(begin + Int(segment.captured))])
        let flow: RequestFlow
        if let known = flows[segment.id] {
            flow = known
        } else {
            // The order on one connection stays: what came before may wait.
            switch target(of: segment.id, segment.header) {
            case .unknown: return false
            case .nobody:
                kernel.set(MARTLET_VERDICT_NOBODYS, of: segment.id)
                return true
            case .found(let target):
                guard flows.count < Self.maximumFlows else {
                    overflowed &+= 1
                    return true
                }
                flow = RequestFlow(segment.id, target, settings)
                flows[segment.id] = flow
            }
        }
        readSegments &+= 1
        flow.take(segment, bytes)
        if let verdict = flow.takeVerdict() { kernel.set(verdict, of: segment.id) }
        return true
    }

    private func takeCounts(_ record: UnsafeRawBufferPointer) -> Bool {
        guard record.count >= MemoryLayout<martlet_http_counts>.size else { return true }
        let row = record.loadUnaligned(as: martlet_http_counts.self)
        switch target(of: row.id, row.header) {
        case .unknown: return false
        case .nobody: return true
        case .found(let target):
            target.container.assumeIsolated { $0.count(row, of: target) }
            return true
        }
    }

    private func takeDatagram(_ record: UnsafeRawBufferPointer) -> Bool {
        let begin = MemoryLayout<martlet_datagram>.size
        guard record.count >= begin else { return true }
        let datagram = record.loadUnaligned(as: martlet_datagram.self)
        guard begin + Int(datagram.captured) <= record.count else { return true }
        let (cgroup, memoryCgroup) = (datagram.header.cgroup, datagram.header.memory_cgroup)
        let found: (isKnown: Bool, container: Container?) = registry.assumeIsolated {
            (
                $0.knows(cgroup: cgroup, memoryCgroup: memoryCgroup),
                $0.container(cgroup: cgroup, memoryCgroup: memoryCgroup)
            )
        }
        guard found.isKnown else { return false }
        guard let container = found.container else { return true }
        let key = ObjectIdentifier(container)
        let flow = datagrams[key] ?? DatagramFlow(container, settings)
        datagrams[key] = flow
        flow.take(datagram, UnsafeRawBufferPointer(rebasing: record[begin..<(begin + Int(datagram.captured))]))
        return true
    }

    private enum Placement {
        case found(RequestTarget)
        /// No container, or a connection that is not reported.
        case nobody
        case unknown
    }

    private func target(of connection: UInt64, _ header: martlet_header) -> Placement {
        if let target = connections.assumeIsolated({ $0.requestTarget(of: connection) }) {
            return target.isCounted ? .found(target) : .nobody
        }
        let (cgroup, memoryCgroup) = (header.cgroup, header.memory_cgroup)
        let isNobodys = registry.assumeIsolated {
            $0.knows(cgroup: cgroup, memoryCgroup: memoryCgroup)
                && $0.container(cgroup: cgroup, memoryCgroup: memoryCgroup) == nil
        }
        return isNobodys ? .nobody : .unknown
    }
}
