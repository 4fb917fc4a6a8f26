internal import CEvents
public import Containers
internal import Linux
public import Ring

/// Control groups as they come and go, and processes that move into them.
///
/// A cgroup may be made on one CPU and entered on another, whose ring is drained first: such a move waits, see `Deferred`.
public actor CgroupSignal {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private static let maximumDeferred = 65_536

    private let registry: Registry
    private var moves = Deferred<martlet_cgroup_attach>(limit: maximumDeferred)

    public init(lane: Lane, registry: Registry) {
        self.lane = lane
        self.registry = registry
    }

    func consume(_ batch: RecordBatch) {
        for index in 0..<batch.count {
            guard let header = batch.load(index, as: martlet_header.self) else { continue }
            switch header.type {
            case MARTLET_CGROUP_MADE.rawValue:
                if let (hierarchy, id, path) = Self.decode(batch[index]), !path.isEmpty {
                    registry.assumeIsolated { $0.cgroupMade(hierarchy: hierarchy, id: id, path: path) }
                }
            case MARTLET_CGROUP_REMOVED.rawValue:
                if let (hierarchy, id, _) = Self.decode(batch[index]) {
                    registry.assumeIsolated { $0.cgroupRemoved(hierarchy: hierarchy, id: id) }
                }
            default:
                guard let event = batch.load(index, as: martlet_cgroup_attach.self) else { continue }
                if !place(event, isLast: false) { moves.add(event) }
            }
        }
    }

    /// After a pass over all rings: what had to wait is tried again.
    func settle() {
        if !moves.isEmpty { moves.settle { place($0, isLast: $1) } }
    }

    /// Events given up because too many waited.
    var overflowed: UInt64 { moves.overflowed }

    /// False if the cgroup is not known and may still be announced.
    private func place(_ event: martlet_cgroup_attach, isLast: Bool) -> Bool {
        let (header, start) = (event.header, event.start_boottime_ns)
        let offset = BootClock.offset()
        return registry.assumeIsolated { registry in
            guard isLast || registry.knows(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) else {
                return false
            }
            registry.processPlaced(
                pid: header.pid, start: start, cgroup: header.cgroup, memoryCgroup: header.memory_cgroup,
                at: header.time_ns &+ offset)
            return true
        }
    }

    /// The record is cut after its path, so it is read member by member.
    private static func decode(_ record: UnsafeRawBufferPointer) -> (hierarchy: UInt32, id: UInt64, path: String)? {
        guard let pathOffset = MemoryLayout<martlet_cgroup>.offset(of: \.path),
            let idOffset = MemoryLayout<martlet_cgroup>.offset(of: \.id),
            let hierarchyOffset = MemoryLayout<martlet_cgroup>.offset(of: \.hierarchy),
            let lengthOffset = MemoryLayout<martlet_cgroup>.offset(of: \.path_length), record.count >= pathOffset
        else { return nil }
        let length = Int(record.load(fromByteOffset: lengthOffset, as: UInt32.self))
        guard pathOffset + length <= record.count else { return nil }
        let path = String(decoding: record[pathOffset..<(pathOffset + length)], as: UTF8.self)
        return (
            record.load(fromByteOffset: hierarchyOffset, as: UInt32.self),
            record.load(fromByteOffset: idOffset, as: UInt64.self), path
        )
    }
}
