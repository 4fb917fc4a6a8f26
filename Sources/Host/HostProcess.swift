import Glibc

/// The process whose namespaces stand for the host's.
public enum HostProcess {
    /// 1, or the agent itself where the kernel refuses it a look at process 1 (then it cannot do better).
    public static func pid() -> Int32 {
        (try? NetworkNamespace.inode(pid: 1)) != nil ? 1 : getpid()
    }
}
