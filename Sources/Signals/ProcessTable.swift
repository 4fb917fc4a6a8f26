internal import CEvents
internal import Containers
internal import Host

/// Process events on their way to the registry: the state of `ProcessSignal`, in the form in which it can be used while
/// isolated to the registry.
///
/// A process may begin on one CPU and end on another, whose ring is drained first: what cannot be placed yet waits, see
/// `Deferred`.
final class ProcessTable {
    private static let maximumDeferred = 65_536

    private var exits = Deferred<martlet_process_exit>(limit: maximumDeferred)
    private var starts = Deferred<martlet_process_start>(limit: maximumDeferred)

    func consume(_ batch: RecordBatch, _ registry: isolated Registry) {
        let offset = BootClock.offset()
        for index in 0..<batch.count {
            guard let header = batch.load(index, as: martlet_header.self) else { continue }
            switch header.type {
            case MARTLET_PROCESS_START.rawValue:
                guard let event = batch.load(index, as: martlet_process_start.self) else { continue }
                if registry.knows(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) {
                    Self.place(event, registry, offset)
                } else {
                    starts.add(event)
                }
            case MARTLET_PROCESS_EXIT.rawValue:
                guard let event = batch.load(index, as: martlet_process_exit.self) else { continue }
                if !Self.end(event, registry, offset), Self.isOfContainer(header, registry) { exits.add(event) }
            case MARTLET_PROCESS_EXEC.rawValue: registry.processExecuted(pid: header.pid)
            default: break
            }
        }
    }

    func settle(_ registry: isolated Registry) {
        defer { registry.passEnded() }
        if starts.isEmpty, exits.isEmpty { return }
        let offset = BootClock.offset()
        starts.settle { event, isLast in
            let isKnown = registry.knows(cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup)
            if isLast || isKnown { Self.place(event, registry, offset) }
            return isLast || isKnown
        }
        exits.settle { event, isLast in
            if Self.end(event, registry, offset) { return true }
            // An OOM kill must be counted even if the start was lost.
            if isLast, event.oom_killed != 0 {
                registry.processKilled(
                    cgroup: event.header.cgroup, memoryCgroup: event.header.memory_cgroup,
                    at: event.header.time_ns &+ offset)
            }
            return isLast
        }
    }

    /// Events given up because too many waited.
    var overflowed: UInt64 { exits.overflowed + starts.overflowed }

    private static func place(_ event: martlet_process_start, _ registry: isolated Registry, _ offset: UInt64) {
        registry.processPlaced(
            pid: event.header.pid, start: event.start_boottime_ns, cgroup: event.header.cgroup,
            memoryCgroup: event.header.memory_cgroup, at: event.header.time_ns &+ offset)
    }

    /// Most processes belong to no container, or to one that is not known yet: only these may have to wait.
    private static func isOfContainer(_ header: martlet_header, _ registry: isolated Registry) -> Bool {
        if !registry.knows(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) { return true }
        return registry.container(cgroup: header.cgroup, memoryCgroup: header.memory_cgroup) != nil
    }

    private static func end(_ event: martlet_process_exit, _ registry: isolated Registry, _ offset: UInt64) -> Bool {
        registry.processEnded(
            pid: event.header.pid, start: event.start_boottime_ns, at: event.header.time_ns &+ offset,
            oomKilled: event.oom_killed != 0,
            delays: ProcessDelays.Delays(cpu: event.cpu_delay_ns, disk: event.disk_delay_ns))
    }
}
