import Glibc
public import Linux

/// Lists the cgroups that exist.
public enum CgroupTree {
    public struct Entry: Sendable, Equatable {
        /// The cgroup's id (the inode of its directory), as BPF and the tracepoints report it.
        public let id: UInt64
        /// The path within the hierarchy, `/` for its root.
        public let path: String
        /// 0 for the root.
        public let depth: Int
    }

    public struct Listing: Sendable, Equatable {
        public let entries: [Entry]
        /// True if some were left out: too many, or too deep.
        public let isTruncated: Bool
    }

    /// The cgroups below `mount` (a mount point of `CgroupLayout`) to depth `maximumDepth`, at most `limit` of them, upper
    /// levels first. Those that vanish meanwhile are left out. Throws if `mount` itself cannot be read.
    public static func list(
        mount: String, maximumDepth: Int = 16, limit: Int = 65_536
    ) throws(Errno) -> Listing {
        var status = stat()
        guard stat(mount, &status) == 0 else { throw Errno.last }
        var entries = [Entry(id: UInt64(status.st_ino), path: "/", depth: 0)]
        var isTruncated = false
        // The list is its own queue: what is behind `next` has not been opened yet.
        var next = 0
        while next < entries.count, !isTruncated || entries.count < limit {
            let parent = entries[next]
            let prefix = parent.path == "/" ? "/" : parent.path + "/"
            do throws(Errno) {
                try Directory.forEach(mount + parent.path) { entry in
                    guard entry.isDirectory else { return true }
                    guard parent.depth < maximumDepth, entries.count < limit else {
                        isTruncated = true
                        return false
                    }
                    entries.append(Entry(id: entry.inode, path: prefix + entry.name, depth: parent.depth + 1))
                    return true
                }
            } catch {
                if next == 0 { throw error }
            }
            next += 1
        }
        return Listing(entries: entries, isTruncated: isTruncated)
    }
}
