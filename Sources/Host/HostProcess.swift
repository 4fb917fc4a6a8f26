import Glibc
import Linux

/// The process whose namespaces stand for the host's.
public enum HostProcess {
    /// 1, or the agent itself where the kernel refuses it a look at process 1 (then it cannot do better).
    public static func pid() -> Int32 {
        (try? NetworkNamespace.inode(pid: 1)) != nil ? 1 : getpid()
    }

    /// Whether the agent numbers processes as the kernel's events do. Elsewhere than in the initial pid namespace (whose
    /// inode number is fixed, include/linux/proc_ns.h) it cannot look at the processes of events.
    public static let sharesProcessIDs = (try? SmallFile.link("/proc/self/ns/pid")) == "pid:[4026531836]"
}
