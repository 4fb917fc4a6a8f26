internal import Host
internal import Linux
internal import Metrics

/// Finds out what the mounts are to which containers write: where they are mounted, on which device, how full, and what the
/// container's cgroup read from and wrote to that device.
///
/// Used by the collector alone, on its lane. Mount tables and cgroup files are quick; what may hang is `FileSystemProbe`'s.
final class DiskReader {
    private struct State {
        /// As found in the mount table, one for each mount point and device.
        var mounts: [MountTable.Mount] = []
        var wanted: Set<UInt32> = []
        /// A process in whose mount namespace they were found.
        var pid: Int32 = 0
        /// CLOCK_MONOTONIC.
        var readAt: UInt64 = 0
    }

    /// Mount tables are read again after this time, or when there is a new mount: in nanoseconds.
    private static let tableLifetime: UInt64 = 30_000_000_000
    /// Processes whose mount table is looked into.
    private static let maximumWitnesses = 4

    private let probe: FileSystemProbe
    private let devices = BlockDevices()
    private let faults: CounterTable
    private let usageInterval: UInt64
    private var usageReadAt: UInt64 = 0
    private var states: [ObjectIdentifier: State] = [:]
    private var reported = (hangs: UInt64(0), refused: UInt64(0))

    /// Space is asked for every `usageInterval` nanoseconds.
    init(faults: CounterTable, usageInterval: UInt64, probe: FileSystemProbe = FileSystemProbe()) {
        self.faults = faults
        self.usageInterval = usageInterval
        self.probe = probe
    }

    /// Reads the disks of the containers in `requests`; `io` gives what a container's cgroup counts.
    func read(
        _ requests: [ResourceRequest], io: (Container) -> [DeviceNumber: CgroupIO.Counters]?
    ) -> [ResourceRequest.Disks] {
        let now = MonotonicClock.now()
        let writing = requests.filter { !$0.mounts.isEmpty }
        let names = Set(writing.map { ObjectIdentifier($0.container) })
        states = states.filter { names.contains($0.key) }
        if writing.isEmpty { return [] }
        if !devices.refresh() { faults.add("diskstats_unreadable") }

        let gone = readTables(writing, now)
        let isNew = writing.contains { states[ObjectIdentifier($0.container)]?.readAt == now }
        let refresh = isNew || now - usageReadAt >= usageInterval
        if refresh { usageReadAt = now }
        let space = probe.ask(
            writing.flatMap { request -> [FileSystemProbe.Request] in
                guard let state = states[ObjectIdentifier(request.container)] else { return [] }
                return state.mounts.map { FileSystemProbe.Request(mount: $0, pid: state.pid) }
            }, refresh: refresh)
        countHangs()

        return writing.map { request in
            let name = ObjectIdentifier(request.container)
            let mounts = states[name]?.mounts ?? []
            let counters = mounts.isEmpty ? nil : io(request.container)
            var seen = Set<DiskReading.Place>()
            let disks = mounts.compactMap { mount -> DiskReading? in
                let whole = devices.whole(of: mount.device)
                let place = DiskReading.Place(
                    mountPoint: mount.point, device: whole?.name ?? "", root: mount.root)
                // One mount may lie over another at the same place.
                guard
                    seen.insert(DiskReading.Place(mountPoint: place.mountPoint, device: place.device, root: ""))
                        .inserted
                else { return nil }
                return DiskReading(
                    place: place, usage: space[mount.id],
                    io: counters?[whole?.number ?? mount.device])
            }
            return ResourceRequest.Disks(container: request.container, disks: disks, goneMounts: gone[name] ?? [])
        }
    }

    /// Brings `states` up to date. Returns the mounts of each container that are in no table any more.
    private func readTables(_ writing: [ResourceRequest], _ now: UInt64) -> [ObjectIdentifier: [UInt32]] {
        var gone: [ObjectIdentifier: [UInt32]] = [:]
        var tables: [UInt64: MountTable] = [:]
        var wanted: Set<UInt32>?
        for request in writing {
            let name = ObjectIdentifier(request.container)
            let ids = Set(request.mounts.keys)
            if let known = states[name], known.wanted == ids, now - known.readAt < Self.tableLifetime,
                request.pids.contains(UInt32(bitPattern: known.pid))
            {
                continue
            }
            // Ids are unique on the machine: one look at a namespace serves all containers that share it.
            let all = wanted ?? Set(writing.flatMap { $0.mounts.keys })
            wanted = all
            var state = State(wanted: ids, readAt: now)
            var found: [UInt32: MountTable.Mount] = [:]
            var isReadable = request.pids.isEmpty
            for pid in witnesses(request) where found.count < ids.count {
                // Whose namespace cannot be named (ptrace(2)) is taken to have one of its own.
                let namespace = (try? Directory.inode("/proc/\(pid)/ns/mnt")) ?? UInt64(UInt32(bitPattern: pid)) << 32
                if tables[namespace] == nil {
                    do throws(Errno) {
                        tables[namespace] = try MountTable.read(pid: pid, wanted: all)
                    } catch {
                        if error == .tooLarge { faults.add("mount_table_too_large") }
                        continue
                    }
                }
                guard let table = tables[namespace] else { continue }
                isReadable = true
                let more = table.mounts.filter { ids.contains($0.key) && found[$0.key] == nil }
                if !more.isEmpty, found.isEmpty { state.pid = pid }
                found.merge(more) { mine, _ in mine }
            }
            state.mounts = found.values.sorted { $0.id < $1.id }
            if isReadable, !request.pids.isEmpty { gone[name] = ids.filter { found[$0] == nil } }
            if request.pids.isEmpty, let known = states[name] {
                // All its processes ended: what was known stays until it is forgotten or begins anew.
                states[name] = known
                continue
            }
            states[name] = state
        }
        return gone
    }

    /// Processes that may see the mounts: those that wrote, if they live, and some others.
    private func witnesses(_ request: ResourceRequest) -> [Int32] {
        let live = Set(request.pids)
        var chosen: [UInt32] = []
        for pid in request.mounts.values where live.contains(pid) && !chosen.contains(pid) {
            if chosen.count < Self.maximumWitnesses { chosen.append(pid) }
        }
        for pid in request.pids.prefix(Self.maximumWitnesses) where !chosen.contains(pid) { chosen.append(pid) }
        return chosen.map { Int32(bitPattern: $0) }
    }

    private func countHangs() {
        let (hangs, refused) = (probe.hangs, probe.refused)
        if hangs > reported.hangs { faults.add("disk_hung", hangs - reported.hangs) }
        if refused > reported.refused { faults.add("disk_probe_refused", refused - reported.refused) }
        reported = (hangs, refused)
    }
}
