public import Containers
public import Ring

/// Processes: start, exec, exit.
public actor ProcessSignal {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    private let table = ProcessTable()

    public init(lane: Lane, registry: Registry) {
        self.lane = lane
        self.registry = registry
    }

    /// Lends the table to the registry's isolation.
    private func withRegistry(_ body: (ProcessTable, isolated Registry) -> Void) {
        // Safe: this actor and the registry share one lane, so nobody else runs meanwhile; `assumeIsolated` checks that.
        nonisolated(unsafe) let table = table
        nonisolated(unsafe) let body = body
        registry.assumeIsolated { body(table, $0) }
    }

    func consume(_ batch: RecordBatch) {
        registry.onLane((table, batch)) { registry, argument in argument.0.consume(argument.1, registry) }
    }

    /// After a pass over all rings: what had to wait is tried again.
    func settle() { if !table.isSettled { withRegistry { $0.settle($1) } } }

    /// Events given up because too many waited.
    var overflowed: UInt64 { table.overflowed }
}
