import CLinux
import Glibc
import Linux

/// The kinds of namespaces (namespaces(7)) that the agent looks at or enters.
enum Namespace: String {
    case cgroup
    case network = "net"
    case uts

    /// The inode number that names the namespace of process `pid` (`self` for the agent). Needs the right to trace the
    /// process (ptrace(2)); refused with `EACCES`.
    func inode(of pid: String) throws(Errno) -> UInt64 {
        var status = stat()
        guard stat("/proc/\(pid)/ns/\(rawValue)", &status) == 0 else { throw Errno.last }
        return UInt64(status.st_ino)
    }

    /// Runs `body` inside the namespace of process `pid`: at once where the agent is in it already, otherwise on a
    /// short-lived thread. Throws what setns(2) refuses, and what `body` throws.
    func run<Success: ~Copyable>(
        of pid: Int32, _ body: () throws(Errno) -> Success
    ) throws(Errno) -> Success {
        if try inode(of: "self") == inode(of: String(pid)) { return try body() }
        // Opened before the thread is made: the process may end at any time, the descriptor keeps its namespace.
        let target = try FileDescriptor.open("/proc/\(pid)/ns/\(rawValue)")
        let raw = target.raw
        defer { extendLifetime(target) }
        return try ShortLivedThread.run { () throws(Errno) -> Success in
            guard martlet_setns(raw, kind) == 0 else { throw Errno.last }
            return try body()
        }
    }

    /// `CLONE_NEW…` of linux/sched.h, which Swift's Glibc module leaves out.
    var kind: Int32 {
        switch self {
        case .cgroup: 0x0200_0000
        case .network: 0x4000_0000
        case .uts: 0x0400_0000
        }
    }
}
