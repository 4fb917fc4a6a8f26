import Glibc

/// Directory listings.
public enum Directory {
    /// One entry of a directory.
    public struct Entry: Sendable {
        public let name: String
        /// Inode number; on cgroup file systems this is the cgroup id (kernfs node id, Linux 5.5 and later).
        public let inode: UInt64
        /// True where the file system says so (`DT_DIR`); links are not followed.
        public let isDirectory: Bool
    }

    /// Calls `body` for every entry but `.` and `..`, until it returns false. Order is the file system's.
    public static func forEach(_ path: String, _ body: (Entry) -> Bool) throws(Errno) {
        guard let directory = opendir(path) else { throw Errno.last }
        defer { closedir(directory) }
        while let found = readdir(directory) {
            let name = withUnsafePointer(to: &found.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: 256) { String(decodingCString: $0, as: UTF8.self) }
            }
            if name == "." || name == ".." { continue }
            let entry = Entry(
                name: name, inode: UInt64(found.pointee.d_ino), isDirectory: found.pointee.d_type == UInt8(DT_DIR))
            if !body(entry) { return }
        }
    }

    /// The inode number of `path`, of the target if it is a link (stat(2)).
    public static func inode(_ path: String) throws(Errno) -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Errno.last }
        return UInt64(status.st_ino)
    }

    /// The names in `path`, at most `limit` of them.
    public static func names(_ path: String, limit: Int = 100_000) throws(Errno) -> [String] {
        var names = [String]()
        try forEach(path) { entry in
            names.append(entry.name)
            return names.count < limit
        }
        return names
    }
}
