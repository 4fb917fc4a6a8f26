internal import CEvents
public import Kernel
internal import Linux
public import Metrics
public import Ring

/// Reads the file tables of all processes through a BPF iterator, on a cadence: what has been open for long, and what is
/// older than the agent.
///
/// Lives on the collector's lane: a node with many open files takes milliseconds.
public actor FileScan {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let kernel: KernelSide
    private let signal: FileSignal
    private let faults: CounterTable

    public init(lane: Lane, kernel: KernelSide, signal: FileSignal, faults: CounterTable) {
        self.lane = lane
        self.kernel = kernel
        self.signal = signal
        self.faults = faults
    }

    /// Scans now and then every `interval` nanoseconds. Does nothing where the kernel has no such iterator.
    public func start(interval: UInt64) {
        guard kernel.isEnabled(.fileDiscovery) else { return }
        lane.addTimer(after: 0) { [self] in
            assumeIsolated { $0.scan() }
            return interval
        }
    }

    private func scan() {
        var rows: [martlet_file_written] = []
        do throws(Errno) {
            try kernel.findWrittenMounts { rows.append($0) }
        } catch {
            faults.add("file_scan")
        }
        if rows.isEmpty { return }
        let signal = signal
        Task { await signal.found(rows) }
    }
}
