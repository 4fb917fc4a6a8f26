internal import CEvents
public import Containers
internal import Linux
public import Ring

/// Control groups as they come and go, and processes that move into them.
public actor CgroupSignal {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry

    public init(lane: Lane, registry: Registry) {
        self.lane = lane
        self.registry = registry
    }

    func consume(_ batch: RecordBatch) {
        registry.assumeIsolated { registry in
            for index in 0..<batch.count {
                guard let header = batch.load(index, as: martlet_header.self) else { continue }
                switch header.type {
                case MARTLET_CGROUP_MADE.rawValue:
                    if let (hierarchy, id, path) = Self.decode(batch[index]), !path.isEmpty {
                        registry.cgroupMade(hierarchy: hierarchy, id: id, path: path)
                    }
                case MARTLET_CGROUP_REMOVED.rawValue:
                    if let (hierarchy, id, _) = Self.decode(batch[index]) {
                        registry.cgroupRemoved(hierarchy: hierarchy, id: id)
                    }
                default:
                    guard let event = batch.load(index, as: martlet_cgroup_attach.self) else { continue }
                    registry.processPlaced(
                        pid: event.header.pid, start: event.start_boottime_ns, cgroup: event.header.cgroup,
                        memoryCgroup: event.header.memory_cgroup, at: event.header.time_ns &+ BootClock.offset())
                }
            }
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
