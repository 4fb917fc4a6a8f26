public import Linux

/// The agent's cgroup namespace (cgroup_namespaces(7)). In a private one, the paths in `/proc/PID/cgroup` are relative to
/// the agent's own cgroup.
public enum CgroupNamespace {
    /// True if the agent is in another cgroup namespace than pid 1.
    public static func isPrivate() -> Bool {
        let own = try? Namespace.cgroup.inode(of: "self")
        if let own, let first = try? Namespace.cgroup.inode(of: "1") { return own != first }
        // Where pid 1 may not be traced, its cgroup as seen from here still tells: it is outside.
        if let cgroups = try? SmallFile.bytes("/proc/1/cgroup", limit: 65_536), liesOutside(cgroups) { return true }
        return own.map { $0 != initialInode } ?? false
    }

    /// The agent's own paths as pid 1's namespace shows them: the base for all relative paths. nil if the namespace is not
    /// private. Throws what setns(2) refuses.
    public static func base() throws(Errno) -> CgroupPaths? {
        guard isPrivate() else { return nil }
        return try Namespace.cgroup.run(of: 1) { () throws(Errno) in
            // The main thread and this one share their cgroups unless somebody moved a thread; this one's are shown as
            // the reading thread's namespace sees them.
            CgroupPaths.parse(try SmallFile.bytes("/proc/thread-self/cgroup", limit: 65_536), keepingRoots: true)
        }
    }

    /// `PROC_CGROUP_INIT_INO`: the initial cgroup namespace has this inode on every kernel.
    private static let initialInode: UInt64 = 0xefff_fffb

    static func liesOutside(_ cgroups: [UInt8]) -> Bool {
        cgroups.split(separator: UInt8(ascii: "\n")).contains { line in
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            return fields.count == 3 && fields[2].starts(with: "/..".utf8)
        }
    }
}
