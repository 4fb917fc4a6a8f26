import Glibc
import Linux

/// What the agent itself uses.
public struct SelfUsage: Sendable, Equatable {
    /// CPU time of all threads in user mode, in seconds (getrusage(2)).
    public let userSeconds: Double
    /// CPU time of all threads in the kernel, in seconds.
    public let systemSeconds: Double
    /// Resident memory in bytes (`/proc/self/statm`); 0 if unreadable.
    public let residentBytes: UInt64
    /// Open file descriptors; 0 if they cannot be counted.
    public let openDescriptors: Int

    public static func read() -> SelfUsage {
        var usage = rusage()
        _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return SelfUsage(
            userSeconds: seconds(usage.ru_utime), systemSeconds: seconds(usage.ru_stime),
            residentBytes: resident(), openDescriptors: descriptors())
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func resident() -> UInt64 {
        guard let bytes = try? SmallFile.bytes("/proc/self/statm", limit: 4096) else { return 0 }
        var cursor = ByteCursor(bytes.span.bytes)
        guard cursor.nextNumber() != nil, let pages = cursor.nextNumber() else { return 0 }
        return pages &* UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 0))
    }

    private static func descriptors() -> Int {
        // The directory's size is the count since Linux 6.2; before, it is 0 and the entries must be counted.
        var status = Glibc.stat()
        if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
        var count = 0
        try? Directory.forEach("/proc/self/fd") { _ in
            count += 1
            return true
        }
        // The listing's own descriptor is one of them.
        return max(count - 1, 0)
    }
}
