internal import Host
internal import Linux
internal import Metrics

/// Asks the kernel for the delays of the containers' processes, a bounded number at a time.
///
/// Used by the collector alone, on its lane.
final class DelayReader {
    struct Reading: Sendable {
        let container: Container
        let pid: UInt32
        let delays: ProcessDelays.Delays
    }

    /// Processes that are asked for at once: some 10 ms. The totals only grow, so who waits a turn loses nothing.
    private static let maximumProcesses = 4096

    private let faults: CounterTable
    private var socket: ProcessDelays?
    /// Not allowed, or the kernel has none: not asked again.
    private var isRefused = false
    private var next = 0

    init(faults: CounterTable) { self.faults = faults }

    func read(_ requests: [ResourceRequest]) -> [Reading] {
        var owners: [UInt32: Container] = [:]
        let total = requests.reduce(0) { $0 + $1.pids.count }
        if total == 0 { return [] }
        // From where the last turn ended.
        var position = 0
        let begin = total > Self.maximumProcesses ? next % total : 0
        var chosen: [UInt32] = []
        for _ in 0..<2 where chosen.count < min(total, Self.maximumProcesses) {
            for request in requests {
                for pid in request.pids {
                    if position >= begin, position < begin + min(total, Self.maximumProcesses) {
                        chosen.append(pid)
                        owners[pid] = request.container
                    }
                    position += 1
                }
            }
        }
        next = begin + chosen.count
        return ask(chosen, owners)
    }

    private func ask(_ pids: [UInt32], _ owners: [UInt32: Container]) -> [Reading] {
        var readings: [Reading] = []
        readings.reserveCapacity(pids.count)
        if isRefused { return [] }
        do throws(Errno) {
            // Taken out, so that a socket in an unknown state is not used again.
            var open: ProcessDelays
            switch socket.take() {
            case .some(let socket): open = socket
            case .none:
                open = try NetworkNamespace.run(inNetworkNamespaceOf: HostProcess.pid()) { () throws(Errno) in
                    try ProcessDelays()
                }
            }
            let isComplete = try open.read(pids) { pid, delays in
                if let container = owners[pid] {
                    readings.append(Reading(container: container, pid: pid, delays: delays))
                }
            }
            if !isComplete { faults.add("taskstats_overrun") }
            socket = consume open
        } catch {
            faults.add("taskstats")
            if error == .notPermitted || error == .notFound { isRefused = true }
        }
        return readings
    }
}
