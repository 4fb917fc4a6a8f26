internal import CLinux
internal import Glibc
internal import Host
public import Linux
public import Metrics

/// Where connections go in truth: the destinations behind NAT, from the connection tracking of the host's network namespace
/// and of the containers' own, and from Cilium's maps.
///
/// `drain` takes what the kernel queued since the last call; called before the events of a pass are applied, it has the
/// translation of every connection among them, because the kernel queues it when the connection's first packet is sent.
/// Where messages may be missing (the kernel dropped some, a namespace has only just been opened) a connection without a
/// translation is asked for.
///
/// Invariants: used on the events lane only; at most `maximumNamespaces` pairs of sockets and 2 × `capacity` translations.
public final class Translations: @unchecked Sendable {
    // Sendable because of the first invariant: containers and signals of one lane share it.

    /// Pairs of sockets held open.
    public static let maximumNamespaces = 4096
    private static let capacity = 16_384
    /// A SYN is repeated for two minutes (tcp_syn_retries), and the translation was queued with the first.
    private static let lifetime: UInt64 = 180_000_000_000
    /// How long after messages were lost connections are asked for: what was being established then is by now.
    private static let doubt: UInt64 = 10_000_000_000
    private static let messagesPerDrain = 8192
    private static let bufferSize = 16_384

    private enum State {
        case opening
        case open(Int)
        /// Cannot be opened; tried again after this time (CLOCK_MONOTONIC).
        case refused(until: UInt64)
    }

    private let hostNetns: UInt32
    private let cilium: CiliumMaps?
    private let faults: CounterTable
    private let epoll: FileDescriptor
    private var states: [UInt32: State] = [:]
    private var sockets: [ConntrackSocket?] = []
    private var freeSlots: [Int] = []
    private var openCount = 0
    /// Slots that had more messages than one drain takes.
    private var unfinished: [Int] = []
    private var tokens = [UInt32](repeating: 0, count: 64)
    private var table = AgingTable<TranslatedConnection, Endpoint>(capacity: capacity, lifetime: lifetime)
    // Safe: only the lane uses it, and `deinit`, which runs when nobody else can.
    private let buffer: UnsafeMutableRawBufferPointer
    private var clock: UInt64 = 0

    private(set) public var received: UInt64 = 0
    private(set) public var overruns: UInt64 = 0
    private(set) public var queries: UInt64 = 0
    private(set) public var failedQueries: UInt64 = 0

    /// `host` is nil where the host's connection tracking cannot be listened to; then only Cilium's maps are used.
    public init(
        hostNetns: UInt32, host: ConntrackSocket?, cilium: CiliumMaps?, faults: CounterTable
    ) throws(Errno) {
        self.hostNetns = hostNetns
        self.cilium = cilium
        self.faults = faults
        let raw = martlet_epoll_create()
        guard raw >= 0 else { throw Errno.last }
        epoll = FileDescriptor(owning: raw)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
        hasConntrack = host != nil
        if let host { add(host) }
    }

    deinit { buffer.deallocate() }

    private let hasConntrack: Bool

    /// Translations known and not yet asked for.
    public var count: Int { table.count }
    /// Given up before anybody asked, because too many came.
    public var evicted: UInt64 { table.evicted }
    public var namespaces: Int { openCount }
    /// Whether Cilium's maps were found; safe from any thread.
    public var usesCilium: Bool { cilium?.isInUse ?? false }

    // MARK: Namespaces

    /// Whether the events of a namespace have to wait because its connection tracking is not listened to yet. True for one
    /// that nobody has asked for: see `open`.
    public func isUnready(_ netns: UInt32) -> Bool {
        guard hasConntrack, netns != hostNetns, netns != 0 else { return false }
        switch states[netns] {
        case .open: return false
        case .opening, nil: return true
        case .refused(let until): return MonotonicClock.now() > until
        }
    }

    /// Marks a namespace as being opened by somebody else; false if it is already.
    public func open(_ netns: UInt32) -> Bool {
        if case .opening = states[netns] { return false }
        states[netns] = .opening
        return true
    }

    /// The namespace's sockets. Its connections of the last seconds are asked for.
    public func add(_ socket: ConntrackSocket) {
        guard openCount < Self.maximumNamespaces else {
            faults.add("conntrack_namespaces_full")
            refuse(socket.netns)
            return
        }
        if case .open(let slot) = states[socket.netns] { remove(slot) }
        let slot = freeSlots.popLast() ?? sockets.count
        if slot == sockets.count { sockets.append(nil) }
        guard martlet_epoll_add(epoll.raw, socket.events.raw, UInt32(slot)) == 0 else {
            freeSlots.append(slot)
            refuse(socket.netns)
            return
        }
        sockets[slot] = socket
        states[socket.netns] = .open(slot)
        openCount += 1
        doubt(socket)
    }

    /// The namespace cannot be listened to: its connections are taken to go where they say.
    public func refuse(_ netns: UInt32, for nanoseconds: UInt64 = 10_000_000_000) {
        let now = MonotonicClock.now()
        // Namespaces come and go; what was refused long ago need not be remembered.
        if states.count > 2 * Self.maximumNamespaces {
            states = states.filter { entry in
                if case .refused = entry.value { false } else { true }
            }
        }
        states[netns] = .refused(until: now + nanoseconds)
    }

    /// Closes the namespaces for which `isAlive` does not hold, except the host's: an open socket keeps a namespace alive.
    public func close(unless isAlive: (UInt32) -> Bool) {
        for (netns, state) in states where netns != hostNetns && !isAlive(netns) {
            if case .open(let slot) = state { remove(slot) }
            if case .opening = state { continue }
            states[netns] = nil
        }
    }

    /// Namespaces with open sockets, without the host's.
    public var opened: [UInt32] {
        states.compactMap { netns, state in
            if case .open = state, netns != hostNetns { netns } else { nil }
        }
    }

    private func remove(_ slot: Int) {
        // Closing the descriptor takes it out of the epoll set.
        sockets[slot] = nil
        freeSlots.append(slot)
        openCount -= 1
        unfinished.removeAll { $0 == slot }
    }

    private func doubt(_ socket: ConntrackSocket) {
        if socket.incompleteUntil != .max { socket.incompleteUntil = MonotonicClock.now() + Self.doubt }
    }

    // MARK: Messages

    /// Takes what the kernel has queued. One system call where nothing has come.
    public func drain() {
        guard openCount > 0 else { return }
        clock = MonotonicClock.now()
        if !unfinished.isEmpty {
            let slots = unfinished
            unfinished.removeAll(keepingCapacity: true)
            for slot in slots { drain(slot) }
        }
        while true {
            let count = Int(martlet_epoll_wait(epoll.raw, 0, &tokens, Int32(tokens.count)))
            if count <= 0 { break }
            for index in 0..<count { drain(Int(tokens[index])) }
            if count < tokens.count { break }
        }
        table.age(now: clock)
    }

    private func drain(_ slot: Int) {
        guard slot < sockets.count, let socket = sockets[slot] else { return }
        let result = socket.drain(
            limit: Self.messagesPerDrain, buffer: buffer,
            overrun: {
                overruns &+= 1
                doubt(socket)
            },
            { message in
                guard let actual = message.actual else { return }
                received &+= 1
                table.insert(
                    actual,
                    for: TranslatedConnection(
                        netns: socket.netns, source: message.source, destination: message.destination), now: clock)
            })
        if result == .more {
            // Events of this pass may need what is left.
            unfinished.append(slot)
            doubt(socket)
        }
    }

    // MARK: Look-up

    /// Where a connection goes in truth: `destination` itself where nothing translates it. The answer is given once from
    /// memory, so that a later connection of the same ports does not get it.
    public func actual(source: Endpoint, destination: Endpoint, netns: UInt32) -> Endpoint {
        var result = destination
        if netns != hostNetns, let found = find(netns, source, result) { result = found }
        // What leaves the container may be translated again on the host.
        if let found = find(hostNetns, source, result) { result = found }
        if result == destination, let cilium, let found = cilium.backend(source: source, destination: destination) {
            return found
        }
        return result
    }

    private func find(_ netns: UInt32, _ source: Endpoint, _ destination: Endpoint) -> Endpoint? {
        if !table.isEmpty {
            let key = TranslatedConnection(netns: netns, source: source, destination: destination)
            if let found = table.take(key) { return found }
        }
        guard case .open(let slot) = states[netns], let socket = sockets[slot], socket.incompleteUntil != 0 else {
            return nil
        }
        let now = MonotonicClock.now()
        if now > socket.incompleteUntil {
            socket.incompleteUntil = 0
            return nil
        }
        queries &+= 1
        do throws(Errno) {
            return try socket.actual(source: source, destination: destination, buffer: buffer)
        } catch {
            failedQueries &+= 1
            return nil
        }
    }
}
