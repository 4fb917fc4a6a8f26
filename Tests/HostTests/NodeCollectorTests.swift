import Foundation
import Metrics
import Testing

@testable import Host

struct NodeCollectorTests {
    private static let common = LabelSet([("machine_id", "m")])

    private static let files = [
        "uptime": "100.50 7.00\n",
        "stat": "cpu  100 200 300 400 500 600 700 800 9 9\ncpu0 1\ncpu1 1\nintr 5\n",
        "meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 200 kB\nCached: 300 kB\n",
        "diskstats": " 8 0 sda 1 2 3 4000 5 6 7 8000 9 10000 11\n 8 1 sda1 1 2 3 4 5 6 7 8 9 10 11\n",
    ]

    private static func value(
        _ snapshot: MetricsSnapshot, _ family: MetricFamily, _ labels: [String: String] = [:]
    ) -> Double? {
        snapshot[family].first { sample in labels.allSatisfy { sample.labels[$0.key] == $0.value } }?.value
    }

    @Test func fixture() throws {
        let tree = try TemporaryTree(Self.files)
        let collector = NodeCollector(root: tree.path, host: HostInfo(hostname: "h", kernelRelease: "6.1"))
        var snapshot = MetricsSnapshot(timestamp: 0)
        collector.collect(into: &snapshot, common: Self.common)
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        #expect(Self.value(snapshot, .nodeInfo, ["hostname": "h", "kernel_version": "6.1", "machine_id": "m"]) == 1)
        #expect(Self.value(snapshot, .nodeUptimeSeconds, ["machine_id": "m"]) == 100.5)
        #expect(snapshot[.nodeResourcesCpuUsageSecondsTotal].count == 8)
        #expect(Self.value(snapshot, .nodeResourcesCpuUsageSecondsTotal, ["mode": "steal"]) == 800 / ticks)
        #expect(Self.value(snapshot, .nodeResourcesCpuLogicalCores) == 2)
        #expect(Self.value(snapshot, .nodeResourcesMemoryTotalBytes) == 1_024_000)
        #expect(Self.value(snapshot, .nodeResourcesMemoryCachedBytes) == 307_200)
        #expect(snapshot[.nodeResourcesDiskReadsTotal].count == 1)
        #expect(Self.value(snapshot, .nodeResourcesDiskReadBytesTotal, ["device": "sda"]) == 1536)
        #expect(Self.value(snapshot, .nodeResourcesDiskWriteTimeSecondsTotal, ["device": "sda"]) == 8)
        #expect(Self.value(snapshot, .nodeResourcesDiskIoTimeSecondsTotal, ["device": "sda"]) == 10)
        #expect(collector.faults.isEmpty)

        // Held descriptors see new content; broken content is a fault and no series.
        try tree.write("uptime", "101.50 7.00\n")
        try tree.write("meminfo", "nonsense\n")
        var second = MetricsSnapshot(timestamp: 1)
        collector.collect(into: &second, common: Self.common)
        #expect(Self.value(second, .nodeUptimeSeconds) == 101.5)
        #expect(second[.nodeResourcesMemoryTotalBytes].isEmpty)
        #expect(collector.faults == ["meminfo": 1])
        // Label sets are shared between collections.
        #expect(
            snapshot[.nodeResourcesDiskReadsTotal].first?.labels === second[.nodeResourcesDiskReadsTotal].first?.labels)
    }

    @Test func missingFilesAreFaults() throws {
        let collector = NodeCollector(root: try TemporaryTree().path)
        var snapshot = MetricsSnapshot(timestamp: 0)
        collector.collect(into: &snapshot, common: .empty)
        #expect(collector.faults == ["uptime": 1, "stat": 1, "meminfo": 1, "diskstats": 1])
        #expect(snapshot[.nodeResourcesCpuUsageSecondsTotal].isEmpty)
    }

    @Test func longStatFile() throws {
        var files = Self.files
        let cores = (0..<512).map { "cpu\($0) 1000000000 0 1000000000 10000000000 1 1 1 1 1 1\n" }.joined()
        files["stat"] = "cpu  1 2 3 4 5 6 7 8 9 9\n" + cores + "intr " + String(repeating: "0 ", count: 20_000) + "\n"
        let tree = try TemporaryTree(files)
        let collector = NodeCollector(root: tree.path)
        var snapshot = MetricsSnapshot(timestamp: 0)
        collector.collect(into: &snapshot, common: .empty)
        #expect(Self.value(snapshot, .nodeResourcesCpuLogicalCores) == 512)
    }

    @Test func thisMachine() throws {
        let collector = NodeCollector()
        var snapshot = MetricsSnapshot(timestamp: 0)
        collector.collect(into: &snapshot, common: .empty)
        #expect(collector.faults.isEmpty)
        #expect((Self.value(snapshot, .nodeUptimeSeconds) ?? 0) > 0)
        #expect(Self.value(snapshot, .nodeResourcesCpuLogicalCores) == Double(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let pages = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
        #expect(Self.value(snapshot, .nodeResourcesMemoryTotalBytes) == pages)
        for sample in snapshot[.nodeNetReceivedBytesTotal] {
            let name = try #require(sample.labels["interface"])
            let text = try String(contentsOfFile: "/sys/class/net/\(name)/statistics/rx_bytes", encoding: .utf8)
            let now = try #require(Double(text.trimmingCharacters(in: .newlines)))
            #expect(sample.value <= now)
            #expect(sample.value >= now * 0.9 - 1_000_000)
        }
        // Every series once.
        for family in snapshot.families {
            let labels = snapshot[family].map(\.labels.text)
            #expect(Set(labels).count == labels.count, "\(family)")
        }
    }
}
