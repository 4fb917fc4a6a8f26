import Glibc
public import Linux

/// What /proc tells of one process.
public struct ProcessDetails: Sendable, Equatable {
    public let pid: Int32
    public let parent: Int32
    /// The command name (at most 15 bytes, any bytes but NUL; invalid UTF-8 repaired).
    public let command: String
    /// When the process started, in nanoseconds since boot (`CLOCK_BOOTTIME`), in steps of a clock tick (10 ms).
    public let startTime: UInt64
    /// The command line, cut at `maximumArgumentBytes`; empty for kernel threads and zombies.
    public let arguments: [String]
    /// The inode of its network namespace; nil where the agent may not trace the process.
    public let networkNamespace: UInt64?

    public static let maximumArgumentBytes = 4096

    /// Reads `/proc/PID/{stat,cmdline,ns/net}`. Throws `ENOENT` or `ESRCH` if the process has gone, and `EBADMSG` if its
    /// stat file makes no sense.
    public static func read(_ pid: Int32, procfs: String = "/proc") throws(Errno) -> ProcessDetails {
        let directory = "\(procfs)/\(pid)"
        let text = try SmallFile.bytes(directory + "/stat", limit: 16_384)
        guard let fields = Stat.parse(text.span.bytes) else { throw Errno(EBADMSG) }
        var status = stat()
        let namespace = stat(directory + "/ns/net", &status) == 0 ? UInt64(status.st_ino) : nil
        let ticks = UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        return ProcessDetails(
            pid: pid, parent: fields.parent, command: fields.command,
            startTime: fields.startTicks &* (1_000_000_000 / ticks),
            arguments: arguments((try? head(directory + "/cmdline")) ?? []), networkNamespace: namespace)
    }

    /// The fields of `/proc/PID/stat` that are used here.
    struct Stat: Equatable {
        var command: String
        var parent: Int32
        var startTicks: UInt64

        /// The command stands in parentheses and may contain anything, parentheses and line feeds too; nothing behind it
        /// has a closing one, so the last one ends it.
        static func parse(_ bytes: RawSpan) -> Stat? {
            let (open, close) = bytes.withUnsafeBytes { raw in
                (raw.firstIndex(of: UInt8(ascii: "(")), raw.lastIndex(of: UInt8(ascii: ")")))
            }
            guard let open, let close, open < close else { return nil }
            var cursor = ByteCursor(bytes.extracting((close + 1)...))
            _ = cursor.nextWord()  // state
            guard let parent = cursor.nextNumber() else { return nil }
            // Fields 5 to 21; some may be negative.
            for _ in 5...21 where cursor.nextWord().isEmpty { return nil }
            guard let start = cursor.nextNumber() else { return nil }
            return Stat(
                command: ByteCursor(bytes).text((open + 1)..<close), parent: Int32(truncatingIfNeeded: parent),
                startTicks: start)
        }
    }

    static func arguments(_ bytes: [UInt8]) -> [String] {
        var arguments = bytes.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        // Each argument is ended by a NUL.
        if arguments.last == "" { arguments.removeLast() }
        return arguments
    }

    private static func head(_ path: String) throws(Errno) -> [UInt8] {
        let file = try FileDescriptor.open(path)
        var bytes = [UInt8](repeating: 0, count: maximumArgumentBytes)
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (raw) throws(Errno) -> Int in try file.read(into: raw) }
        bytes.removeSubrange(count...)
        return bytes
    }
}
