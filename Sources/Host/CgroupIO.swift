import Linux

/// What a container's cgroup read from and wrote to each block device.
public struct CgroupIO: Sendable {
    /// Since the cgroup was made.
    public struct Counters: Sendable, Equatable {
        public var reads: UInt64 = 0
        public var writes: UInt64 = 0
        public var readBytes: UInt64 = 0
        public var writtenBytes: UInt64 = 0

        public init() {}
    }

    private let directory: String?
    private let isV1: Bool

    private static let sizeLimit = 1 << 18
    private static let maximumDevices = 4096

    /// The paths are those of `CgroupPaths`, below the mounts of `layout`. Version 1 is read where it has a path and a mount
    /// for blkio.
    public init(layout: CgroupLayout, v2Path: String?, blkioPath: String?) {
        if let mount = layout.v1Mount(of: .blkio), let blkioPath {
            (directory, isV1) = (mount + blkioPath, true)
        } else if let mount = layout.v2Mount, let v2Path {
            (directory, isV1) = (mount + v2Path, false)
        } else {
            (directory, isV1) = (nil, false)
        }
    }

    /// The counters by device; nil if they cannot be read (no I/O controller, or no cgroup any more). A device is missing where
    /// the kernel does not count it: before its first I/O and, in version 1 from Linux 6.10 on, as long as no cgroup has a
    /// throttle for it. Opens, reads and closes: no descriptor stays with the container.
    public func read() -> [DeviceNumber: Counters]? {
        guard let directory else { return nil }
        if !isV1 {
            return (try? SmallFile.bytes(directory + "/io.stat", limit: Self.sizeLimit)).map { Self.version2($0) }
        }
        guard let throttled = version1(directory, policy: "throttle") else { return nil }
        // BFQ counts what it schedules, whether or not there is a throttle.
        return throttled.isEmpty ? version1(directory, policy: "bfq") ?? throttled : throttled
    }

    private func version1(_ directory: String, policy: String) -> [DeviceNumber: Counters]? {
        let prefix = "\(directory)/blkio.\(policy)."
        guard let bytes = try? SmallFile.bytes(prefix + "io_service_bytes", limit: Self.sizeLimit),
            let operations = try? SmallFile.bytes(prefix + "io_serviced", limit: Self.sizeLimit)
        else { return nil }
        return Self.version1(bytes: bytes, operations: operations)
    }

    /// Lines `major:minor Read|Write|… number` (Documentation/admin-guide/cgroup-v1/blkio-controller.rst).
    static func version1(bytes: [UInt8], operations: [UInt8]) -> [DeviceNumber: Counters] {
        var result: [DeviceNumber: Counters] = [:]
        forEachLine(bytes) { device, cursor in
            var counters = result[device] ?? Counters()
            cursor.skipSpaces()
            if cursor.skip("Read "), let value = cursor.number() {
                counters.readBytes = value
            } else if cursor.skip("Write "), let value = cursor.number() {
                counters.writtenBytes = value
            } else {
                return
            }
            if result.count < maximumDevices { result[device] = counters }
        }
        forEachLine(operations) { device, cursor in
            guard var counters = result[device] else { return }
            cursor.skipSpaces()
            if cursor.skip("Read "), let value = cursor.number() {
                counters.reads = value
            } else if cursor.skip("Write "), let value = cursor.number() {
                counters.writes = value
            }
            result[device] = counters
        }
        return result
    }

    /// Lines `major:minor rbytes=… wbytes=… rios=… wios=…` (Documentation/admin-guide/cgroup-v2.rst, io.stat); keys come in
    /// any order and others stand between them.
    static func version2(_ bytes: [UInt8]) -> [DeviceNumber: Counters] {
        var result: [DeviceNumber: Counters] = [:]
        forEachLine(bytes) { device, cursor in
            var counters = Counters()
            var isCounted = false
            while !cursor.isAtLineEnd {
                cursor.skipSpaces()
                if cursor.skip("rbytes="), let value = cursor.number() {
                    counters.readBytes = value
                    isCounted = true
                } else if cursor.skip("wbytes="), let value = cursor.number() {
                    counters.writtenBytes = value
                } else if cursor.skip("rios="), let value = cursor.number() {
                    counters.reads = value
                } else if cursor.skip("wios="), let value = cursor.number() {
                    counters.writes = value
                } else {
                    _ = cursor.nextWord()
                }
            }
            if isCounted, result.count < maximumDevices { result[device] = counters }
        }
        return result
    }

    private static func forEachLine(_ bytes: [UInt8], _ body: (DeviceNumber, inout ByteCursor) -> Void) {
        var cursor = ByteCursor(bytes.span.bytes)
        while cursor.hasWholeLine {
            if let major = cursor.number(), let major = UInt32(exactly: major), cursor.skip(":"),
                let minor = cursor.number(), let minor = UInt32(exactly: minor)
            {
                body(DeviceNumber(major: major, minor: minor), &cursor)
            }
            cursor.skipLine()
        }
    }
}
