internal import CEvents
public import Containers
public import Host
public import Kernel
internal import Linux
public import Metrics
internal import Network
public import Ring

/// What was there before the agent: cgroups, processes, sockets, in this order, at a bounded rate.
///
/// Lives on the collector's lane, so that the events of the node are handled meanwhile: the programs are attached before the
/// scan begins, and what both see is counted once.
public actor Discovery {
    private static let batch = 64
    /// Pause between two batches: at most 6,400 processes or cgroups a second.
    private static let pause = Duration.milliseconds(10)

    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let layout: CgroupLayout
    private let kernel: KernelSide
    private let registry: Registry
    private let connectionSignal: ConnectionSignal
    private let faults: CounterTable

    public init(
        lane: Lane, layout: CgroupLayout, kernel: KernelSide, registry: Registry, connectionSignal: ConnectionSignal,
        faults: CounterTable
    ) {
        self.lane = lane
        self.layout = layout
        self.kernel = kernel
        self.registry = registry
        self.connectionSignal = connectionSignal
        self.faults = faults
    }

    /// The whole scan.
    public func run() async {
        await scanCgroups()
        let pids = await scanProcesses()
        await registry.discovered()
        await scanSockets(pids)
    }

    // MARK: Cgroups

    /// Announces every cgroup of the hierarchies that events are attributed by.
    public func scanCgroups() async {
        if let mount = layout.v2Mount { await scanCgroups(mount, hierarchy: 0) }
        if let mount = layout.v1Mount(of: .memory), let hierarchy = layout.hierarchyID(of: .memory) {
            await scanCgroups(mount, hierarchy: UInt32(hierarchy))
        }
    }

    private func scanCgroups(_ mount: String, hierarchy: UInt32) async {
        guard let listing = try? CgroupTree.list(mount: mount) else {
            faults.add("cgroups_unreadable")
            return
        }
        if listing.isTruncated { faults.add("cgroups_truncated") }
        var rest = listing.entries[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.batch)
            rest = rest.dropFirst(Self.batch)
            await registry.cgroupsFound(some.map { ($0.id, $0.path) }, hierarchy: hierarchy)
            if !rest.isEmpty { try? await Task.sleep(for: Self.pause) }
        }
    }

    // MARK: Processes

    /// Places every process, and returns their ids.
    private func scanProcesses() async -> [UInt32] {
        let time = MonotonicClock.bootTime()
        let found = findProcesses()
        var rest = found[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.batch))
            rest = rest.dropFirst(Self.batch)
            await registry.processesFound(some, at: time)
            if !rest.isEmpty { try? await Task.sleep(for: Self.pause) }
        }
        return found.map(\.pid)
    }

    private func findProcesses() -> [FoundProcess] {
        var found: [FoundProcess] = []
        do throws(Errno) {
            try kernel.findProcesses { row in
                found.append(
                    FoundProcess(
                        pid: row.pid, start: row.start_boottime_ns, cgroup: row.cgroup, memoryCgroup: row.memory_cgroup)
                )
            }
            return found
        } catch {
            return findProcessesInProcfs()
        }
    }

    /// The fall-back without the iterator: a cgroup's id is the inode number of its directory.
    private func findProcessesInProcfs() -> [FoundProcess] {
        var found: [FoundProcess] = []
        guard var scan = try? ProcessScan() else { return [] }
        while true {
            let pids = scan.next(atMost: Self.batch)
            if pids.isEmpty { return found }
            for pid in pids {
                guard let details = try? ProcessDetails.read(pid), let paths = try? CgroupPaths.read(pid: pid) else {
                    continue
                }
                found.append(
                    FoundProcess(
                        pid: UInt32(bitPattern: pid), start: details.startTime,
                        cgroup: inode(layout.v2Mount, paths.v2),
                        memoryCgroup: inode(layout.v1Mount(of: .memory), paths.memory)))
            }
        }
    }

    private func inode(_ mount: String?, _ path: String?) -> UInt64 {
        guard let mount, let path else { return 0 }
        return (try? Directory.inode(mount + path)) ?? 0
    }

    // MARK: Sockets

    /// Sockets of one namespace.
    private struct Found {
        var rows: [martlet_tcp_found] = []
        /// Where connections go in truth whose destination is translated, by socket.
        var actual: [UInt64: Endpoint] = [:]

        /// Asks the connection tracking of the namespace and of the host for every connection.
        mutating func translate(_ own: ConntrackSocket?, _ host: ConntrackSocket?) {
            for row in rows where row.header.type == MARTLET_TCP_ESTABLISHED.rawValue {
                let (source, destination) = (Endpoint(local: row.ends), Endpoint(remote: row.ends))
                var last = destination
                for socket in [own, host] {
                    if let found = try? socket?.actual(source: source, destination: last) { last = found }
                }
                if last != destination { actual[row.ends.id] = last }
            }
        }
    }

    private static func hostConntrack() -> ConntrackSocket? {
        let pid = HostProcess.pid()
        return try? NetworkNamespace.run(inNetworkNamespaceOf: pid) { () throws(Errno) in
            try ConntrackSocket(netns: UInt32(truncatingIfNeeded: try NetworkNamespace.inode(pid: pid)))
        }
    }

    /// Takes over the sockets of every network namespace that a process lives in.
    private func scanSockets(_ pids: [UInt32]) async {
        guard kernel.isEnabled(.tcpDiscovery) else { return }
        var seen = Set<UInt64>()
        let host = registry.translations == nil ? nil : Self.hostConntrack()
        for (index, pid) in pids.enumerated() {
            if index % Self.batch == Self.batch - 1 { try? await Task.sleep(for: Self.pause) }
            let pid = Int32(bitPattern: pid)
            guard let netns = try? NetworkNamespace.inode(pid: pid), seen.insert(netns).inserted else { continue }
            let kernel = kernel
            do throws(Errno) {
                let found = try NetworkNamespace.run(inNetworkNamespaceOf: pid) { () throws(Errno) in
                    var found = Found()
                    try kernel.findSockets { found.rows.append($0) }
                    let own = host == nil ? nil : try? ConntrackSocket(netns: UInt32(truncatingIfNeeded: netns))
                    found.translate(own, host)
                    return found
                }
                await connectionSignal.found(found.rows, actual: found.actual)
            } catch {
                // The process may have ended; another one of its namespace may follow.
                seen.remove(netns)
                if error != .notFound, error != .noProcess { faults.add("sockets_unreadable") }
            }
        }
    }
}
