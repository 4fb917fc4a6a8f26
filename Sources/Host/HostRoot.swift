import Glibc

/// Where the node's own files are seen from.
public enum HostRoot {
    /// `/proc/1/root` where this process may follow it. Otherwise the empty string, which makes paths below it those of
    /// the agent's own root: the kernel refuses the link when pid 1 has capabilities that the agent lacks, and then the
    /// agent usually runs on the node itself.
    public static func path() -> String {
        access("/proc/1/root/.", X_OK) == 0 ? "/proc/1/root" : ""
    }
}
