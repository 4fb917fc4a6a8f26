import Glibc
import Linux
public import Metrics

/// Gathers the `node_*` families: uptime, CPU, memory, disks and network interfaces of the whole node.
///
/// Files stay open between collections. Used by one actor at a time; not `Sendable`.
public final class NodeCollector {
    /// Reads that failed or gave something that could not be understood, by source: `uptime`, `stat`, `meminfo`,
    /// `diskstats`, `links`, `addresses`. The families of a source that failed are absent from that collection.
    public private(set) var faults: [String: UInt64] = [:]

    private let root: String
    private let sysfs: String
    private let host: HostInfo
    private let ticksPerSecond: Double
    private var uptime = HeldFile()
    private var stat = HeldFile()
    private var meminfo = HeldFile()
    private var diskstats = HeldFile()
    private var routes: RouteSocket?
    private var buffer = [UInt8](repeating: 0, count: 16_384)

    /// Label sets made for `common`, by the label values that were added to it.
    private var common = LabelSet.empty
    private var labelSets: [LabelKey: LabelSet] = [:]
    /// Devices and addresses that went away leave their label sets behind; beyond this many all are made anew.
    private static let maximumLabelSets = 4096

    private struct LabelKey: Hashable {
        var name: StaticName
        var value: String
        var address: IPAddress?
    }

    private enum StaticName: String { case mode, device, interface }

    /// `root` is where procfs is mounted, `sysfs` where sysfs is, `host` what `node_info` says.
    public init(root: String = "/proc", sysfs: String = "/sys", host: HostInfo = .read()) {
        self.root = root
        self.sysfs = sysfs
        self.host = host
        let ticks = sysconf(Int32(_SC_CLK_TCK))
        ticksPerSecond = ticks > 0 ? Double(ticks) : 100
    }

    /// Reads everything once and adds it to `snapshot`, each series with the labels `common` and its own. Costs some
    /// 100 µs; call it at the scrape's pace.
    public func collect(into snapshot: inout MetricsSnapshot, common: LabelSet) {
        if self.common !== common || labelSets.count > Self.maximumLabelSets {
            self.common = common
            labelSets.removeAll()
        }
        snapshot.add(
            .nodeInfo,
            common.adding([("hostname", host.hostname), ("kernel_version", host.kernelRelease)]), 1)
        collectUptime(into: &snapshot)
        collectCPU(into: &snapshot)
        collectMemory(into: &snapshot)
        collectDisks(into: &snapshot)
        collectInterfaces(into: &snapshot)
    }

    private func collectUptime(into snapshot: inout MetricsSnapshot) {
        uptime.open(root + "/uptime")
        guard let count = uptime.readAll(into: &buffer),
            let seconds = Uptime.parse(buffer.span.bytes.extracting(first: count))
        else { return fault("uptime") }
        snapshot.add(.nodeUptimeSeconds, common, seconds)
    }

    private func collectCPU(into snapshot: inout MetricsSnapshot) {
        stat.open(root + "/stat")
        guard let count = stat.readAll(into: &buffer),
            let times = ProcStat.parse(buffer.span.bytes.extracting(first: count))
        else { return fault("stat") }
        for (mode, ticks) in zip(ProcStat.modes, times.ticks) {
            snapshot.add(
                .nodeResourcesCpuUsageSecondsTotal, labels(.mode, mode), Double(ticks) / ticksPerSecond)
        }
        snapshot.add(.nodeResourcesCpuLogicalCores, common, Double(times.logicalCores))
    }

    private func collectMemory(into snapshot: inout MetricsSnapshot) {
        meminfo.open(root + "/meminfo")
        guard let count = meminfo.readAll(into: &buffer),
            let memory = MemInfo.parse(buffer.span.bytes.extracting(first: count))
        else { return fault("meminfo") }
        snapshot.add(.nodeResourcesMemoryTotalBytes, common, Double(memory.total))
        snapshot.add(.nodeResourcesMemoryFreeBytes, common, Double(memory.free))
        snapshot.add(.nodeResourcesMemoryAvailableBytes, common, Double(memory.available))
        snapshot.add(.nodeResourcesMemoryCachedBytes, common, Double(memory.cached))
    }

    private func collectDisks(into snapshot: inout MetricsSnapshot) {
        diskstats.open(root + "/diskstats")
        guard let count = diskstats.readAll(into: &buffer) else { return fault("diskstats") }
        let (disks, malformed) = DiskStats.parse(buffer.span.bytes.extracting(first: count))
        if malformed > 0 { fault("diskstats", UInt64(malformed)) }
        for disk in disks
        where BlockDevice.isReported(disk.device, isUsed: disk.reads > 0 || disk.writes > 0, sysfs: sysfs) {
            let labels = labels(.device, disk.device)
            snapshot.add(.nodeResourcesDiskReadsTotal, labels, Double(disk.reads))
            snapshot.add(.nodeResourcesDiskWritesTotal, labels, Double(disk.writes))
            snapshot.add(.nodeResourcesDiskReadBytesTotal, labels, Double(disk.sectorsRead) * 512)
            snapshot.add(.nodeResourcesDiskWrittenBytesTotal, labels, Double(disk.sectorsWritten) * 512)
            snapshot.add(.nodeResourcesDiskReadTimeSecondsTotal, labels, Double(disk.readMilliseconds) / 1000)
            snapshot.add(.nodeResourcesDiskWriteTimeSecondsTotal, labels, Double(disk.writeMilliseconds) / 1000)
            snapshot.add(.nodeResourcesDiskIoTimeSecondsTotal, labels, Double(disk.busyMilliseconds) / 1000)
        }
    }

    private func collectInterfaces(into snapshot: inout MetricsSnapshot) {
        let links: [RouteSocket.Link]
        do throws(Errno) {
            if routes == nil { routes = try Self.openRoutes() }
            links = NetworkInterface.reported(try routes?.links() ?? [])
        } catch {
            // Made anew next time; whatever the kernel still had to say on it is gone with it.
            routes = nil
            return fault("links")
        }
        var names: [Int32: String] = [:]
        for link in links {
            names[link.index] = link.name
            let labels = labels(.interface, link.name)
            snapshot.add(.nodeNetReceivedBytesTotal, labels, Double(link.receivedBytes))
            snapshot.add(.nodeNetTransmittedBytesTotal, labels, Double(link.transmittedBytes))
            snapshot.add(.nodeNetReceivedPacketsTotal, labels, Double(link.receivedPackets))
            snapshot.add(.nodeNetTransmittedPacketsTotal, labels, Double(link.transmittedPackets))
            snapshot.add(.nodeNetInterfaceUp, labels, link.isUp ? 1 : 0)
        }
        do throws(Errno) {
            for entry in try routes?.addresses() ?? [] {
                let address = entry.address
                guard let name = names[entry.linkIndex], !address.isLinkLocalUnicast, !address.isLinkLocalMulticast
                else { continue }
                snapshot.add(.nodeNetInterfaceIp, labels(.interface, name, address), 1)
            }
        } catch {
            routes = nil
            fault("addresses")
        }
    }

    /// A socket in pid 1's network namespace; in the agent's own where pid 1's may not be entered.
    private static func openRoutes() throws(Errno) -> RouteSocket {
        do throws(Errno) {
            return try NetworkNamespace.run(inNetworkNamespaceOf: 1) { () throws(Errno) in try RouteSocket() }
        } catch {
            return try RouteSocket()
        }
    }

    private func labels(_ name: StaticName, _ value: String, _ address: IPAddress? = nil) -> LabelSet {
        let key = LabelKey(name: name, value: value, address: address)
        if let known = labelSets[key] { return known }
        var pairs: [LabelSet.Pair] = [(name.rawValue, value)]
        if let address { pairs.append(("ip", address.description)) }
        let made = common.adding(pairs)
        labelSets[key] = made
        return made
    }

    private func fault(_ source: String, _ count: UInt64 = 1) { faults[source, default: 0] += count }
}
