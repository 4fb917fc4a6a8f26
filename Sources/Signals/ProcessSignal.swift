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

    func consume(_ batch: RecordBatch) {
        registry.onLane((table, batch)) { registry, argument in argument.0.consume(argument.1, registry) }
    }

    /// After a pass over all rings: what had to wait is tried again.
    func settle() { registry.onLane(table) { registry, table in table.settle(registry) } }

    /// Events given up because too many waited.
    var overflowed: UInt64 { table.overflowed }
}
