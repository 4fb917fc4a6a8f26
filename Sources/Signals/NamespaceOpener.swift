public import Containers
internal import Host
internal import Linux
public import Metrics
internal import Network
public import Ring

/// Opens the connection tracking of containers' network namespaces when the events lane first meets them, and has those
/// closed in which no process lives any more.
///
/// Lives on the collector's lane: entering a namespace takes a thread and some system calls.
public actor NamespaceOpener {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    private let connectionSignal: ConnectionSignal
    private let faults: CounterTable
    /// Namespaces in which the last look found no process.
    private var suspects = Set<UInt32>()

    public init(lane: Lane, registry: Registry, connectionSignal: ConnectionSignal, faults: CounterTable) {
        self.lane = lane
        self.registry = registry
        self.connectionSignal = connectionSignal
        self.faults = faults
    }

    /// Opens each wanted namespace through a process that is in it.
    func open(_ wanted: [ConnectionSignal.WantedNamespace]) async {
        for request in wanted { await open(request) }
    }

    /// The process of the event may have ended, and the registry may not have heard of the others yet: so it is asked more
    /// than once, at last for anybody's.
    private func open(_ request: ConnectionSignal.WantedNamespace) async {
        for pause in [0, 20, 100] {
            if pause > 0 { try? await Task.sleep(for: .milliseconds(pause)) }
            let pids = [request.pid] + (await registry.someProcesses(of: request.container))
            if let socket = open(request.netns, pids) {
                await connectionSignal.opened(request.netns, socket)
                return
            }
        }
        await connectionSignal.opened(request.netns, open(request.netns, await registry.someProcesses()))
    }

    private func open(_ netns: UInt32, _ pids: [UInt32]) -> ConntrackSocket? {
        for pid in pids {
            let pid = Int32(bitPattern: pid)
            do throws(Errno) {
                // The process may have moved on, or its number may be another's by now.
                guard try NetworkNamespace.inode(pid: pid) == UInt64(netns) else { continue }
                return try NetworkNamespace.run(inNetworkNamespaceOf: pid) { () throws(Errno) in
                    try ConntrackSocket(netns: netns)
                }
            } catch {
                if error != .notFound, error != .noProcess { faults.add("conntrack_namespace") }
            }
        }
        return nil
    }

    /// Closes what no process of a reported container needs: an open socket keeps a namespace alive. Only what was not
    /// needed the last time either.
    func closeUnused() async {
        let opened = await registry.openedNamespaces()
        guard !opened.isEmpty else { return }
        var alive = Set<UInt32>()
        for pid in await registry.someProcesses() {
            guard let inode = try? NetworkNamespace.inode(pid: Int32(bitPattern: pid)) else { continue }
            alive.insert(UInt32(truncatingIfNeeded: inode))
        }
        let unused = Set(opened).subtracting(alive)
        let ended = unused.intersection(suspects)
        suspects = unused
        if !ended.isEmpty { await registry.closeNamespaces(ended) }
    }
}
