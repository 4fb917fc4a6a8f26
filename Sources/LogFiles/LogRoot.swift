internal import CLinux
internal import Glibc
internal import Linux

/// The root directory below which a log file lies: the host's, or that of a container's processes.
///
/// Nothing outside of it is ever opened: links are followed below it (openat2(2); before Linux 5.6 by `RootDirectory`). It holds no
/// descriptor of a mount, so that volumes can be unmounted; of a process it holds the directory in procfs, which stands for that very
/// process.
final class LogRoot {
    /// File systems whose files are no logs: reading them asks the kernel, or somebody who may never answer (magic numbers of
    /// linux/magic.h).
    private static let refused: Set<Int64> = [
        0x9FA0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x27_E0EB, 0x6367_7270, 0xCAFE_4A11, 0x6573_5546,
    ]

    private let directory: Directory
    /// Whether its files are somebody else's than the node's: then the last component may be no link, and the file system has to be
    /// one that keeps files.
    private let isForeign: Bool

    private enum Directory {
        case path(String)
        case process(Holder)
    }

    private final class Holder {
        let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    /// The host's, `/proc/1/root` or `/`.
    init(host path: String) {
        directory = .path(path.isEmpty ? "/" : path)
        isForeign = false
    }

    /// That of process `pid`. Throws if there is none.
    init(procfs: String, pid: UInt32) throws(Errno) {
        directory = .process(Holder(try FileDescriptor.open("\(procfs)/\(pid)", O_RDONLY | O_DIRECTORY)))
        isForeign = true
    }

    /// Whether the process still lives; true for the host.
    var isReachable: Bool {
        guard case .process(let holder) = directory else { return true }
        return (try? holder.descriptor.open(at: "root", RootDirectory.pathOnly | O_DIRECTORY)) != nil
    }

    /// Opens the regular file at `path`. Never waits for a FIFO's other end. Throws `EINVAL` for anything but a file, `ELOOP` for a
    /// link where none may be.
    func open(_ path: String) throws(Errno) -> FileDescriptor {
        let file = try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (isForeign ? O_NOFOLLOW : 0))
        guard try FileStatus(file).isRegular else { throw Errno(EINVAL) }
        if isForeign {
            let kind = martlet_file_system(file.raw)
            guard kind >= 0 else { throw Errno.last }
            if Self.refused.contains(kind) { throw Errno(EINVAL) }
        }
        return file
    }

    /// What is at `path` now; nil if there is nothing, or something that is no file.
    func status(_ path: String) -> FileStatus? {
        // Only looked at: this opens no device and asks no file system.
        guard let file = try? open(path, RootDirectory.pathOnly | (isForeign ? O_NOFOLLOW : 0)),
            let status = try? FileStatus(file), status.isRegular
        else { return nil }
        return status
    }

    /// Calls `body` for the names in a directory, at most `limit`, until it returns false. Returns whether that were all.
    func names(_ path: String, limit: Int, _ body: (Linux.Directory.Entry) -> Bool) throws(Errno) -> Bool {
        let directory = try open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        var count = 0
        try Linux.Directory.forEach("/proc/self/fd/\(directory.raw)") { entry in
            count += 1
            return count <= limit && body(entry)
        }
        return count <= limit
    }

    private func open(_ path: String, _ flags: Int32) throws(Errno) -> FileDescriptor {
        let root: FileDescriptor
        let name: String
        switch directory {
        case .path(let path):
            root = try FileDescriptor.open(path, RootDirectory.pathOnly | O_DIRECTORY)
            name = path
        case .process(let holder):
            root = try holder.descriptor.open(at: "root", RootDirectory.pathOnly | O_DIRECTORY)
            name = "/proc/self/fd/\(root.raw)"
        }
        let directory = root.raw
        // Every log is looked for once a second: in place, where passing the text itself makes a copy.
        let raw = path.withCString { martlet_open_in_root(directory, $0, flags) }
        if raw >= 0 { return FileDescriptor(owning: raw) }
        let error = Errno.last
        guard error.code == ENOSYS else { throw error }
        return try RootDirectory(name).open(path, flags)
    }
}
