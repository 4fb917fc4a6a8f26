public import Linux

/// The wanted lines of a process's mount table (proc(5), /proc/PID/mountinfo).
public struct MountTable: Sendable {
    /// A mount, as the process sees it.
    public struct Mount: Sendable, Equatable {
        public let id: UInt32
        public let device: DeviceNumber
        /// The directory of the file system that is mounted.
        public let root: String
        /// Where it is mounted, below the process's root.
        public let point: String
        /// The file system that a look at `point` may have to wait for: the first on the way that answers from elsewhere
        /// (FUSE, a network); else the mount's own.
        public let gate: DeviceNumber
    }

    /// By id. Ids are unique on the whole machine, not only in one namespace.
    public let mounts: [UInt32: Mount]

    /// A host with thousands of pods has some megabytes of mounts.
    private static let sizeLimit = 1 << 24
    private static let maximumRemotes = 1024

    /// Reads the table of `pid` and keeps the mounts of `wanted` that stand on a block device or ZFS; others have major 0.
    /// Nothing here touches the file systems themselves.
    public static func read(pid: Int32, wanted: Set<UInt32>) throws(Errno) -> MountTable {
        parse(try SmallFile.bytes("/proc/\(pid)/mountinfo", limit: sizeLimit), wanted: wanted)
    }

    /// Fields of a line: id, parent, device, root, mount point, options, optional fields up to `-`, type, source, super
    /// block's options. Lines of another form are skipped.
    public static func parse(_ bytes: [UInt8], wanted: Set<UInt32>) -> MountTable {
        var found: [(mount: Line, type: Range<Int>)] = []
        var remotes: [(point: String, device: DeviceNumber)] = []
        var cursor = ByteCursor(bytes.span.bytes)
        while cursor.hasWholeLine {
            if let line = Line(&cursor) {
                if isRemote(bytes[line.type]), remotes.count < maximumRemotes {
                    remotes.append((unescaped(bytes[line.point]), line.device))
                }
                if wanted.contains(line.id), line.device.major != 0 || bytes[line.type].elementsEqual("zfs".utf8) {
                    found.append((line, line.type))
                }
            }
            cursor.skipLine()
        }
        var mounts: [UInt32: Mount] = [:]
        for (line, _) in found {
            let point = unescaped(bytes[line.point])
            let gate = remotes.filter { contains($0.point, point) }.min { $0.point.utf8.count < $1.point.utf8.count }
            mounts[line.id] = Mount(
                id: line.id, device: line.device, root: unescaped(bytes[line.root]), point: point,
                gate: gate?.device ?? line.device)
        }
        return MountTable(mounts: mounts)
    }

    private struct Line {
        let id: UInt32
        let device: DeviceNumber
        let root: Range<Int>
        let point: Range<Int>
        let type: Range<Int>

        init?(_ cursor: inout ByteCursor) {
            guard let id = cursor.number(), let id = UInt32(exactly: id), cursor.nextNumber() != nil,
                let major = cursor.nextNumber(), let major = UInt32(exactly: major), cursor.skip(":"),
                let minor = cursor.number(), let minor = UInt32(exactly: minor)
            else { return nil }
            self.id = id
            device = DeviceNumber(major: major, minor: minor)
            root = cursor.nextWord()
            point = cursor.nextWord()
            _ = cursor.nextWord()
            while true {
                let word = cursor.nextWord()
                if word.isEmpty { return nil }
                if word.count == 1, cursor.text(word) == "-" { break }
            }
            type = cursor.nextWord()
            if root.isEmpty || point.isEmpty || type.isEmpty { return nil }
        }
    }

    /// Whether a file system of this type is answered by something that may never do so: a process, or another machine.
    private static func isRemote(_ type: ArraySlice<UInt8>) -> Bool {
        for prefix in remoteTypes {
            if prefix.withUTF8Buffer({ type.starts(with: $0) }) { return true }
        }
        return false
    }

    private static let remoteTypes: [StaticString] = [
        "fuse", "nfs", "cifs", "smb", "ceph", "9p", "virtiofs", "afs", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2",
        "gfs2", "orangefs", "pvfs", "coda", "autofs",
    ]

    private static func contains(_ directory: String, _ path: String) -> Bool {
        if directory == "/" || directory == path { return true }
        guard path.utf8.count > directory.utf8.count, path.utf8.starts(with: directory.utf8) else { return false }
        return path.utf8[path.utf8.index(path.utf8.startIndex, offsetBy: directory.utf8.count)] == UInt8(ascii: "/")
    }

    /// The kernel writes space, tab, line feed and backslash as three octal digits.
    static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var result = [UInt8]()
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3).map { $0 &- UInt8(ascii: "0") }
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ $0 < 8 }) {
                result.append(digits[0] &<< 6 | digits[1] << 3 | digits[2])
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
