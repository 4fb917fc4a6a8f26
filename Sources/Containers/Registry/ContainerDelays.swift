internal import Host

/// How long a container's processes waited for a CPU and for block I/O: the sum of what each process's own totals grew by.
struct ContainerDelays {
    /// Nanoseconds.
    private(set) var cpu: UInt64 = 0
    private(set) var disk: UInt64 = 0
    /// What was taken over of live processes, by process id.
    private var taken: [UInt32: ProcessDelays.Delays] = [:]

    /// Takes over what the totals of `pid` grew by since they were last told; they only grow.
    mutating func add(_ delays: ProcessDelays.Delays, of pid: UInt32) {
        let known = taken[pid] ?? ProcessDelays.Delays(cpu: 0, disk: 0)
        if delays.cpu > known.cpu { cpu &+= delays.cpu - known.cpu }
        if delays.disk > known.disk { disk &+= delays.disk - known.disk }
        taken[pid] = ProcessDelays.Delays(cpu: max(delays.cpu, known.cpu), disk: max(delays.disk, known.disk))
    }

    /// A process came from another container, where this much of it was counted already.
    mutating func arrive(_ pid: UInt32, with delays: ProcessDelays.Delays) { taken[pid] = delays }

    /// A process is here no more. Returns what was counted of it.
    mutating func leave(_ pid: UInt32) -> ProcessDelays.Delays? { taken.removeValue(forKey: pid) }

    /// Takes over everything from `other`, which is the same container.
    mutating func merge(_ other: ContainerDelays) {
        cpu &+= other.cpu
        disk &+= other.disk
        taken.merge(other.taken) { mine, _ in mine }
    }
}
