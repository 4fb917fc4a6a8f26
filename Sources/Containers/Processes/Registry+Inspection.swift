internal import Host
internal import Linux

/// Processes are looked at a while after they began or executed another program, at a bounded rate: those that end before cost
/// nothing, and a node with thousands of them is not inspected at once.
extension Registry {
    /// 100 processes five times a second.
    private static let inspectionPause: UInt64 = 200_000_000
    private static let inspectionBatch = 100
    /// Turns from the event to the look: 0.4 to 0.6 s.
    private static let inspectionDelay: UInt32 = 3
    static let maximumInspections = 16_384
    /// Threads that may be left behind in a look at a process; then no process is looked at any more.
    private static let maximumHungInspections = 8

    /// What the registry remembers of its inspections.
    struct Inspections {
        var inspector: ProcessInspector?
        var procfs = ""
        /// A batch that takes longer is given up; nanoseconds.
        var timeout: UInt64 = 0
        var queue = InspectionQueue(capacity: maximumInspections)
        /// The batch that is out, and since when (CLOCK_MONOTONIC).
        var batch: (InspectionBatch, since: UInt64)?
        var hung = 0
    }

    /// Processes are looked at from now on. Not outside of the host's pid namespace, where their numbers mean others.
    public func startInspecting(procfs: String = "/proc", timeout: UInt64 = 10_000_000_000) {
        guard HostProcess.sharesProcessIDs, inspections.inspector == nil else { return }
        inspections.procfs = procfs
        inspections.timeout = timeout
        inspections.inspector = ProcessInspector(procfs: procfs, faults: faults)
        lane.addTimer(after: Self.inspectionPause) { [self] in
            assumeIsolated { $0.inspectSome() }
            return Self.inspectionPause
        }
    }

    /// A process executed another program.
    public func processExecuted(pid: UInt32) { scheduleInspection(of: pid) }

    func scheduleInspection(of pid: UInt32) {
        guard inspections.inspector != nil, let index = processes.index(forKey: pid),
            !processes.values[index].isScheduled
        else { return }
        guard inspections.queue.push(pid, after: Self.inspectionDelay) else { return drops.add("inspections_full") }
        processes.values[index].isScheduled = true
    }

    /// Processes that wait to be looked at.
    public var waitingInspections: Int { inspections.queue.count }

    private func inspectSome() {
        inspections.queue.advance()
        if let (batch, since) = inspections.batch {
            if MonotonicClock.now() - since > inspections.timeout { giveUp(batch) }
            return
        }
        guard let inspector = inspections.inspector else { return }
        var requests: [InspectionBatch.Request] = []
        while requests.count < Self.inspectionBatch, let pid = inspections.queue.pop() {
            guard let index = processes.index(forKey: pid) else { continue }
            processes.values[index].isScheduled = false
            let container = current(processes.values[index].container)
            guard !isIgnored(container), let start = container.assumeIsolated({ $0.startOfInspectable(pid) }) else {
                continue
            }
            requests.append(InspectionBatch.Request(pid: pid, start: start, container: container))
        }
        if requests.isEmpty { return }
        let batch = InspectionBatch(requests)
        inspections.batch = (batch, MonotonicClock.now())
        Task {
            let found = await inspector.inspect(batch)
            inspected(batch, found)
        }
    }

    private func inspected(_ batch: InspectionBatch, _ found: [(index: Int, facts: ProcessFacts)]) {
        if inspections.batch?.0 === batch { inspections.batch = nil }
        for (index, facts) in found {
            let request = batch.requests[index]
            current(request.container).assumeIsolated { $0.learn(facts, of: request.pid, started: request.start) }
        }
    }

    /// The thread stays behind with the process that hangs. No other one of its container is looked at, and the rest of the
    /// batch waits again.
    private func giveUp(_ batch: InspectionBatch) {
        faults.add("inspection_hung")
        inspections.batch = nil
        inspections.hung += 1
        inspections.inspector =
            inspections.hung < Self.maximumHungInspections
            ? ProcessInspector(procfs: inspections.procfs, faults: faults) : nil
        let current = batch.current
        self.current(batch.requests[current].container).assumeIsolated { $0.isInspectable = false }
        for request in batch.requests[(current + 1)...] { scheduleInspection(of: request.pid) }
    }
}
