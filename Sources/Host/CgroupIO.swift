import Linux

/// What a container's cgroup read from and wrote to each block device.
///
/// One descriptor stays open, two in version 1. What the first file says is taken apart only when it differs from the last
/// time.
public struct CgroupIO: ~Copyable {
    /// Since the cgroup was made.
    public struct Counters: Sendable, Equatable {
        public var reads: UInt64 = 0
        public var writes: UInt64 = 0
        public var readBytes: UInt64 = 0
        public var writtenBytes: UInt64 = 0

        public init() {}
    }

    /// Who counts in version 1.
    private enum Policy: String {
        case throttle
        /// Counts what it schedules, whether or not there is a throttle.
        case bfq
    }

    private let directory: String?
    private let isV1: Bool
    private var policy = Policy.throttle
    private var file = HeldFile()
    /// Version 1 has the operations in a file of their own.
    private var operations = HeldFile()
    private var reads = 0
    /// What the held file said last, and what came of it.
    private var text: [UInt8] = []
    private var counters: [DeviceNumber: Counters] = [:]

    private static let sizeLimit = 1 << 18
    private static let maximumDevices = 4096
    private static let bufferSize = 4096
    /// A throttle may be set at any time: while BFQ counts, it is looked for at every so many reads.
    private static let throttleInterval = 8

    /// The paths are those of `CgroupPaths`, below the mounts of `layout`. Version 1 is read where it has a path and a mount
    /// for blkio.
    public init(layout: CgroupLayout, v2Path: String?, blkioPath: String?) {
        if let mount = layout.v1Mount(of: .blkio), let blkioPath {
            self.init(directory: mount + blkioPath, isV1: true)
        } else if let mount = layout.v2Mount, let v2Path {
            self.init(directory: mount + v2Path, isV1: false)
        } else {
            self.init(directory: nil, isV1: false)
        }
    }

    init(directory: String?, isV1: Bool) {
        self.directory = directory
        self.isV1 = isV1
    }

    /// The counters by device; nil if they cannot be read (no I/O controller, or no cgroup any more). A device is missing where
    /// the kernel does not count it: before its first I/O and, in version 1 from Linux 6.10 on, as long as no cgroup has a
    /// throttle for it.
    public mutating func read() -> [DeviceNumber: Counters]? {
        guard let directory else { return nil }
        defer { reads &+= 1 }
        if !isV1 { return readVersion2(directory) }
        if policy == .bfq, reads % Self.throttleInterval == 0, Self.isThrottled(directory) { choose(.throttle) }
        guard let found = readVersion1(directory) else { return nil }
        guard found.isEmpty, policy == .throttle else { return found }
        choose(.bfq)
        if let scheduled = readVersion1(directory) { return scheduled }
        choose(.throttle)
        return found
    }

    private mutating func choose(_ policy: Policy) {
        self.policy = policy
        file = HeldFile()
        operations = HeldFile()
        text = []
        counters = [:]
    }

    /// Bytes decide whether there is anything new: an operation without a byte is neither a read nor a write.
    private mutating func readVersion1(_ directory: String) -> [DeviceNumber: Counters]? {
        let prefix = "\(directory)/blkio.\(policy.rawValue)."
        guard let bytes = Self.bytes(&file, prefix + "io_service_bytes") else { return nil }
        if bytes == text { return counters }
        guard let serviced = Self.bytes(&operations, prefix + "io_serviced") else { return nil }
        (text, counters) = (bytes, Self.version1(bytes: bytes, operations: serviced))
        return counters
    }

    /// Whether the throttle counts by now.
    private static func isThrottled(_ directory: String) -> Bool {
        guard let bytes = try? SmallFile.bytes(directory + "/blkio.throttle.io_service_bytes", limit: sizeLimit) else {
            return false
        }
        return !version1(bytes: bytes, operations: []).isEmpty
    }

    private mutating func readVersion2(_ directory: String) -> [DeviceNumber: Counters]? {
        guard let bytes = Self.bytes(&file, directory + "/io.stat") else { return nil }
        if bytes != text { (text, counters) = (bytes, Self.version2(bytes)) }
        return counters
    }

    private static func bytes(_ file: inout HeldFile, _ path: String) -> [UInt8]? {
        file.open(path)
        var buffer = [UInt8](repeating: 0, count: bufferSize)
        guard var count = file.read(into: &buffer) else { return nil }
        if count == buffer.count {
            guard let whole = file.readAll(into: &buffer, limit: sizeLimit) else { return nil }
            count = whole
        }
        return Array(buffer[..<count])
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
