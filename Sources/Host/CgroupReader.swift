import Glibc
import Linux

/// Reads what one container's cgroups have used.
///
/// At most six descriptors stay open: CPU, throttling (version 1, where there is a limit), memory, and three of pressure.
/// Limits, which rarely change, are opened, read and closed at every few reads; files that do not exist are looked for at
/// every eighth (a controller may be enabled after the cgroup was made).
public struct CgroupReader: ~Copyable {
    /// True once all cgroups of the container that could be read were removed. Nothing is open then.
    public var isGone: Bool {
        var anyGone = false
        for state in [
            cpuStat.state, cpuUsage.state, memoryStat.state, cpuPressure.state, memoryPressure.state, ioPressure.state,
        ] {
            if state == .open { return false }
            if state == .gone { anyGone = true }
        }
        return anyGone || !exists
    }

    private let cpuDirectory: String?
    /// nil in version 2, where `cpu.stat` has the usage.
    private let cpuacctDirectory: String?
    private let cpuIsV1: Bool
    private let memoryDirectory: String?
    private let memoryIsV1: Bool
    private let v2Directory: String?

    private var cpuStat = HeldFile()
    private var cpuUsage = HeldFile()
    private var memoryStat = HeldFile()
    private var cpuPressure = HeldFile()
    private var memoryPressure = HeldFile()
    private var ioPressure = HeldFile()

    private var reads = 0
    private var exists = true
    private var cpuLimit: Double?
    private var memoryLimit: UInt64?
    private var throttledSeconds: Double?

    private let limitInterval: Int
    private static let retryInterval = 8
    /// The longest file is memory.stat with some 2 KiB.
    private static let bufferSize = 8192
    private static let youngReads = 8

    /// The paths are those of `CgroupPaths`, below the mounts of `layout`. CPU and memory are read from version 1 where it
    /// has a path and a mount for them, else from version 2; pressure always from version 2. Limits are read at every
    /// `limitInterval` reads.
    public init(
        layout: CgroupLayout, v2Path: String?, cpuPath: String?, memoryPath: String?, limitInterval: Int = 4
    ) {
        self.limitInterval = max(limitInterval, 1)
        v2Directory = Self.directory(layout.v2Mount, v2Path)
        if let cpu = Self.directory(layout.v1Mount(of: .cpu), cpuPath),
            let cpuacct = Self.directory(layout.v1Mount(of: .cpuacct), cpuPath)
        {
            (cpuDirectory, cpuacctDirectory, cpuIsV1) = (cpu, cpuacct, true)
        } else {
            (cpuDirectory, cpuacctDirectory, cpuIsV1) = (v2Directory, nil, false)
        }
        if let memory = Self.directory(layout.v1Mount(of: .memory), memoryPath) {
            (memoryDirectory, memoryIsV1) = (memory, true)
        } else {
            (memoryDirectory, memoryIsV1) = (v2Directory, false)
        }
    }

    /// One look at all files. Never fails: what cannot be read is nil.
    public mutating func read() -> CgroupUsage {
        // A runtime makes the cgroup first and sets it up then: the first reads look at everything.
        let isYoung = reads < Self.youngReads
        if isYoung || reads % Self.retryInterval == 0 { openMissing() }
        defer { reads &+= 1 }
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)

        let limitBefore = cpuLimit
        if isYoung || reads % limitInterval == 0 { readLimits() }
        var usage = CgroupUsage()
        usage.cpuLimitCores = cpuLimit
        usage.memoryLimit = memoryLimit
        if cpuIsV1 {
            usage.cpuUsageSeconds = Self.number(&cpuUsage, &buffer).map { Double($0) / 1e9 }
            readThrottling(&buffer, mayHaveChanged: isYoung || cpuLimit != nil || limitBefore != nil)
            usage.cpuThrottledSeconds = throttledSeconds
        } else {
            let values = Self.values(&cpuStat, &buffer, ["usage_usec", "throttled_usec"])
            usage.cpuUsageSeconds = values[0].map { Double($0) / 1e6 }
            usage.cpuThrottledSeconds = values[1].map { Double($0) / 1e6 }
        }
        let memory = Self.values(
            &memoryStat, &buffer,
            memoryIsV1 ? ["total_rss", "total_mapped_file", "total_cache"] : ["anon", "file_mapped", "file"])
        if let anonymous = memory[0], let mapped = memory[1] { usage.memoryRSS = anonymous &+ mapped }
        usage.memoryCache = memory[2]
        readPressure(&buffer, &usage)
        return usage
    }

    /// Version 1. Nobody throttles a cgroup without a limit, so the file is not held open then.
    private mutating func readThrottling(_ buffer: inout [UInt8], mayHaveChanged: Bool) {
        guard mayHaveChanged || throttledSeconds == nil, let cpuDirectory else { return }
        cpuStat.open(cpuDirectory + "/cpu.stat")
        throttledSeconds = Self.values(&cpuStat, &buffer, ["throttled_time"])[0].map { Double($0) / 1e9 }
        if cpuLimit == nil, cpuStat.state == .open { cpuStat = HeldFile() }
    }

    private mutating func readPressure(_ buffer: inout [UInt8], _ usage: inout CgroupUsage) {
        // All are read even if one fails: each learns for itself that the cgroup has gone.
        let cpu = Self.pressure(&cpuPressure, &buffer)
        let memory = Self.pressure(&memoryPressure, &buffer)
        let io = Self.pressure(&ioPressure, &buffer)
        guard let cpu, let memory, let io else { return }
        (usage.cpuPressure, usage.memoryPressure, usage.ioPressure) = (cpu, memory, io)
    }

    private static func number(_ file: inout HeldFile, _ buffer: inout [UInt8]) -> UInt64? {
        guard let count = file.read(into: &buffer) else { return nil }
        return CgroupFiles.number(buffer.span.bytes.extracting(first: count))
    }

    private static func values(
        _ file: inout HeldFile, _ buffer: inout [UInt8], _ keys: [StaticString]
    ) -> [UInt64?] {
        guard let count = file.read(into: &buffer) else { return Array(repeating: nil, count: keys.count) }
        return CgroupFiles.values(buffer.span.bytes.extracting(first: count), of: keys)
    }

    private static func pressure(_ file: inout HeldFile, _ buffer: inout [UInt8]) -> CgroupUsage.Pressure? {
        guard let count = file.read(into: &buffer) else { return nil }
        return CgroupFiles.pressure(buffer.span.bytes.extracting(first: count))
    }

    private mutating func openMissing() {
        let candidates = [cpuDirectory, memoryDirectory, v2Directory].compactMap(\.self)
        exists = candidates.isEmpty || candidates.contains { access($0, F_OK) == 0 }
        guard exists else { return }
        if let cpuacctDirectory { cpuUsage.open(cpuacctDirectory + "/cpuacct.usage") }
        if let cpuDirectory, !cpuIsV1 { cpuStat.open(cpuDirectory + "/cpu.stat") }
        if let memoryDirectory { memoryStat.open(memoryDirectory + "/memory.stat") }
        if let v2Directory {
            cpuPressure.open(v2Directory + "/cpu.pressure")
            memoryPressure.open(v2Directory + "/memory.pressure")
            ioPressure.open(v2Directory + "/io.pressure")
        }
    }

    private mutating func readLimits() {
        guard exists else { return }
        if let directory = cpuDirectory {
            cpuLimit = cpuIsV1 ? Self.cpuLimitV1(directory) : Self.bytes(directory + "/cpu.max").flatMap(Self.cpuMax)
        }
        if let directory = memoryDirectory {
            let file = memoryIsV1 ? "/memory.limit_in_bytes" : "/memory.max"
            memoryLimit = Self.bytes(directory + file).flatMap { CgroupFiles.number($0.span.bytes) }
            // Version 1 says "none" with the largest number of whole pages.
            if let limit = memoryLimit, memoryIsV1, limit > 1 << 62 { memoryLimit = nil }
        }
    }

    private static func cpuMax(_ bytes: [UInt8]) -> Double? { CgroupFiles.cpuMax(bytes.span.bytes) }

    private static func cpuLimitV1(_ directory: String) -> Double? {
        // A quota of -1 is no number here, and no limit.
        guard let quota = bytes(directory + "/cpu.cfs_quota_us").flatMap({ CgroupFiles.number($0.span.bytes) }),
            let period = bytes(directory + "/cpu.cfs_period_us").flatMap({ CgroupFiles.number($0.span.bytes) }),
            quota > 0, period > 0
        else { return nil }
        return Double(quota) / Double(period)
    }

    private static func bytes(_ path: String) -> [UInt8]? { try? SmallFile.bytes(path, limit: 4096) }

    private static func directory(_ mount: String?, _ path: String?) -> String? {
        guard let mount, let path else { return nil }
        return mount + path
    }
}
