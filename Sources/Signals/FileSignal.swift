internal import CEvents
public import Containers
internal import Linux
public import Ring

/// Mounts to which containers write. What the container makes of them is the collector's work; here they are only put down.
public actor FileSignal {
    private static let maximumDeferred = 8192

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    /// A cgroup's first write may stand in a ring that is read before the one that announces the cgroup.
    private var deferred = Deferred<martlet_file_written>(limit: maximumDeferred)

    public init(lane: Lane, registry: Registry) {
        self.lane = lane
        self.registry = registry
    }

    func consume(_ batch: RecordBatch) {
        for index in 0..<batch.count {
            guard let event = batch.load(index, as: martlet_file_written.self) else { continue }
            place(event)
        }
    }

    /// What the iterator over open files found.
    func found(_ rows: [martlet_file_written]) {
        for row in rows { place(row) }
    }

    func settle() {
        if deferred.isEmpty { return }
        deferred.settle { event, _ in
            guard isKnown(event) else { return false }
            hand(event)
            return true
        }
    }

    /// Events given up because too many waited.
    var overflowed: UInt64 { deferred.overflowed }

    private func place(_ event: martlet_file_written) {
        if isKnown(event) { hand(event) } else { deferred.add(event) }
    }

    private func isKnown(_ event: martlet_file_written) -> Bool {
        registry.assumeIsolated { $0.knows(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup) }
    }

    private func hand(_ event: martlet_file_written) {
        registry.assumeIsolated { registry in
            registry.container(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup)?
                .assumeIsolated { $0.wrote(mount: event.mount_id, pid: event.header.pid) }
        }
    }
}
