public import CEvents
public import Containers
public import Network
public import Ring

/// TCP: finds the container of each event and hands every container its run of them.
public actor ConnectionSignal {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    private let table = ConnectionTable()

    public init(lane: Lane, registry: Registry) {
        self.lane = lane
        self.registry = registry
    }

    /// Lends the table to the registry's isolation.
    private func withRegistry(_ body: (ConnectionTable, isolated Registry) -> Void) {
        // Safe: this actor and the registry share one lane, so nobody else runs meanwhile; `assumeIsolated` checks that.
        nonisolated(unsafe) let table = table
        nonisolated(unsafe) let body = body
        registry.assumeIsolated { body(table, $0) }
    }

    /// A network namespace whose connection tracking is to be opened.
    public struct WantedNamespace: Sendable {
        public let netns: UInt32
        /// The process of the first event from there, which may have ended.
        public let pid: UInt32
        public let container: Container
    }

    func consume(_ batch: RecordBatch) {
        registry.onLane((table, batch)) { registry, argument in argument.0.consume(argument.1, registry) }
    }

    /// After a pass over all rings: what had to wait is tried again.
    func settle() { if !table.isSettled { withRegistry { $0.settle($1) } } }

    /// Namespaces that events wait for, each given once.
    func takeWanted() -> [WantedNamespace] { table.takeWanted() }

    /// A wanted namespace was opened, or could not be (nil): its events are applied.
    public func opened(_ netns: UInt32, _ socket: ConntrackSocket?) { withRegistry { $0.opened(netns, socket, $1) } }

    /// Where requests on a connection are counted; nil if it is not known, or not yet.
    func requestTarget(of connection: UInt64) -> RequestTarget? { table.requestTarget(of: connection) }

    /// Counters of a connection that is still open.
    public func sample(_ row: martlet_tcp_sample) { table.sample(row) }

    /// What TCP measured of a connection that is still open.
    func roundTrip(_ row: martlet_tcp_round_trip) { table.roundTrip(row) }

    /// Sockets that are older than the agent.
    ///
    /// - Parameter actual: where those go in truth whose destination is translated, by socket.
    public func found(_ rows: [martlet_tcp_found], actual: [UInt64: Endpoint] = [:]) {
        withRegistry { $0.found(rows, actual, $1) }
    }

    /// Forgets sockets that the kernel no longer has, and returns them.
    public func collectGarbage(open: Set<UInt64>) -> Set<UInt64> { table.collectGarbage(open: open) }

    /// Events and sockets given up because a table was full.
    var overflowed: UInt64 { table.overflowed }

    /// Network namespaces that could not be opened in time.
    var late: UInt64 { table.late }
}
