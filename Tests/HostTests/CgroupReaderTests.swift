import Foundation
import Testing

@testable import Host

struct CgroupReaderTests {
    private static func value(_ key: String, in text: String) -> UInt64? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == key { return UInt64(fields[1]) }
        }
        return nil
    }

    @Test(.enabled(if: RealCgroup.isPossible)) func realCgroupsOfVersion1() throws {
        let layout = try CgroupLayout.detect()
        let cgroup = try RealCgroup(layout)
        let (cpu, memory) = (layout.v1Mount(of: .cpu), layout.v1Mount(of: .memory))
        try cgroup.write(cpu, "cpu.cfs_quota_us", "20000")
        try cgroup.write(cpu, "cpu.cfs_period_us", "100000")
        try cgroup.write(memory, "memory.limit_in_bytes", "104857600")
        // Busy for a while at a fifth of a core, then idle, so that its figures stand still.
        try cgroup.start("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec sleep 60")
        var reader = CgroupReader(layout: layout, v2Path: cgroup.path, cpuPath: cgroup.path, memoryPath: cgroup.path)
        var usage = reader.read()
        #expect(usage.cpuLimitCores == 0.2)
        #expect(usage.memoryLimit == 104_857_600)
        // The memory controller gathers its statistics every two seconds.
        var last = ""
        let isIdle = try Shell.until {
            usleep(500_000)
            let now = try cgroup.text(layout.v1Mount(of: .cpuacct), "cpuacct.usage")
            let rss = Self.value("total_rss", in: try cgroup.text(memory, "memory.stat")) ?? 0
            defer { last = now }
            return now == last && (UInt64(now) ?? 0) > 10_000_000 && rss > 0
        }
        #expect(isIdle)
        usage = reader.read()
        let nanoseconds = try #require(UInt64(try cgroup.text(layout.v1Mount(of: .cpuacct), "cpuacct.usage")))
        #expect(usage.cpuUsageSeconds == Double(nanoseconds) / 1e9)
        #expect(nanoseconds > 10_000_000)
        let throttled = try #require(Self.value("throttled_time", in: cgroup.text(cpu, "cpu.stat")))
        #expect(usage.cpuThrottledSeconds == Double(throttled) / 1e9)
        #expect(throttled > 0)
        let stat = try cgroup.text(memory, "memory.stat")
        let rss = try #require(Self.value("total_rss", in: stat))
        let mapped = try #require(Self.value("total_mapped_file", in: stat))
        #expect(usage.memoryRSS == rss + mapped)
        #expect(usage.memoryCache == Self.value("total_cache", in: stat))
        #expect((usage.memoryRSS ?? 0) > 0)
        // Pressure comes from the version 2 tree; the child waited while it was throttled.
        if FileManager.default.fileExists(atPath: (layout.v2Mount ?? "") + cgroup.path + "/cpu.pressure") {
            let pressure = try #require(usage.cpuPressure)
            #expect(pressure.some >= pressure.full)
            #expect(usage.memoryPressure != nil && usage.ioPressure != nil)
        }
        #expect(reader.isGone == false)

        // A limit that changes is seen at the fourth read at the latest.
        try cgroup.write(cpu, "cpu.cfs_quota_us", "-1")
        try cgroup.write(memory, "memory.limit_in_bytes", "-1")
        for _ in 0..<4 { usage = reader.read() }
        #expect(usage.cpuLimitCores == nil)
        #expect(usage.memoryLimit == nil)

        #expect(cgroup.remove())
        usage = reader.read()
        #expect(reader.isGone == true)
        #expect(usage.cpuUsageSeconds == nil && usage.memoryRSS == nil && usage.cpuPressure == nil)
        for _ in 0..<10 { _ = reader.read() }
        #expect(reader.isGone == true)
    }

    @Test(.enabled(if: RealCgroup.isPossible)) func realCgroupOfVersion2() throws {
        let layout = try CgroupLayout.detect()
        let cgroup = try RealCgroup(layout)
        try cgroup.start("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
        cgroup.waitForChild()
        // Only the version 2 path is known: CPU time is there too, whatever controllers are enabled.
        var reader = CgroupReader(layout: layout, v2Path: cgroup.path, cpuPath: nil, memoryPath: nil)
        let usage = reader.read()
        let microseconds = try #require(Self.value("usage_usec", in: cgroup.text(layout.v2Mount, "cpu.stat")))
        #expect(microseconds > 0)
        #expect(usage.cpuUsageSeconds == Double(microseconds) / 1e6)
        #expect(cgroup.remove())
        _ = reader.read()
        #expect(reader.isGone == true)
    }

    /// A pure version 2 tree, as files (this machine's controllers may be in version 1).
    private static func fixture(_ files: [String: String]) throws -> (TemporaryTree, CgroupLayout) {
        let tree = try TemporaryTree()
        try tree.write("mountinfo", "30 23 0:26 / \(tree.path)/cgroup rw - cgroup2 cgroup2 rw\n")
        for (name, text) in files { try tree.write("cgroup/pod/app/" + name, text) }
        let layout = try CgroupLayout.detect(root: tree.path + "/cgroup", mountinfo: tree.path + "/mountinfo")
        return (tree, layout)
    }

    private static let pressure = "some avg10=1.00 total=2000000\nfull avg10=0.10 total=500000\n"

    @Test func version2Files() throws {
        let (tree, layout) = try Self.fixture([
            "cpu.stat": "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\nnr_throttled 3\nthrottled_usec 750000\n",
            "cpu.max": "50000 100000\n",
            "memory.stat": "anon 1000\nfile 5000\nkernel 1\nfile_mapped 300\n",
            "memory.max": "1048576\n",
            "cpu.pressure": Self.pressure, "memory.pressure": Self.pressure,
        ])
        #expect(layout.mode == .v2)
        var reader = CgroupReader(layout: layout, v2Path: "/pod/app", cpuPath: nil, memoryPath: nil)
        var usage = reader.read()
        #expect(usage.cpuUsageSeconds == 2.5)
        #expect(usage.cpuThrottledSeconds == 0.75)
        #expect(usage.cpuLimitCores == 0.5)
        #expect(usage.memoryRSS == 1300)
        #expect(usage.memoryCache == 5000)
        #expect(usage.memoryLimit == 1_048_576)
        #expect(usage.cpuPressure == nil && usage.memoryPressure == nil, "io.pressure is missing")

        // A file that appears is found within eight reads; held files are read anew each time.
        try tree.write("cgroup/pod/app/io.pressure", Self.pressure)
        try tree.write("cgroup/pod/app/cpu.stat", "usage_usec 3000000\n")
        try tree.write("cgroup/pod/app/memory.max", "max\n")
        for _ in 0..<8 { usage = reader.read() }
        #expect(usage.cpuUsageSeconds == 3)
        #expect(usage.cpuThrottledSeconds == nil)
        #expect(usage.memoryLimit == nil)
        #expect(usage.ioPressure == .init(some: 2, full: 0.5))
        #expect(usage.cpuPressure == .init(some: 2, full: 0.5))
        #expect(reader.isGone == false)
    }

    @Test func garbageAndMissing() throws {
        let (_, layout) = try Self.fixture([
            "cpu.stat": "\u{0}\u{1}usage_usec\n\n", "memory.stat": String(repeating: "x", count: 100_000),
            "cpu.max": "", "memory.max": "-5\n",
        ])
        var reader = CgroupReader(layout: layout, v2Path: "/pod/app", cpuPath: nil, memoryPath: nil)
        #expect(reader.read() == CgroupUsage())
        var absent = CgroupReader(layout: layout, v2Path: "/no/such", cpuPath: nil, memoryPath: nil)
        #expect(absent.read() == CgroupUsage())
        #expect(absent.isGone == true)
        var none = CgroupReader(layout: layout, v2Path: nil, cpuPath: nil, memoryPath: nil)
        #expect(none.read() == CgroupUsage())
        #expect(none.isGone == false)
    }

    @Test(.enabled(if: RealCgroup.isPossible)) func holdsFewDescriptors() throws {
        let layout = try CgroupLayout.detect()
        let cgroup = try RealCgroup(layout)
        var reader = CgroupReader(layout: layout, v2Path: cgroup.path, cpuPath: cgroup.path, memoryPath: cgroup.path)
        _ = reader.read()
        let held = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.contains(cgroup.path)
                == true
        }
        #expect(held.count > 0 && held.count <= 8)
        _ = reader.read()
    }
}
