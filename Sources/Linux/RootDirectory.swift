public import Glibc

/// Files of another root directory (the host's, a process's), as its own processes see them.
///
/// A path below `/proc/PID/root` is not enough: an absolute link on the way (`/var/run` → `/run`) would lead into the
/// agent's own root. So links are followed here, below the root.
public struct RootDirectory: Sendable {
    /// The root directory, `/proc/1/root` for the host.
    public let path: String

    /// `O_PATH`, which Swift's Glibc module leaves out; the same on amd64 and arm64 (asm-generic/fcntl.h).
    public static let pathOnly: Int32 = 0o10_000_000

    /// As many links as the kernel follows (path_resolution(7)).
    private static let linkLimit = 40

    public init(_ path: String) { self.path = path }

    /// The root at `path`, or the agent's own where that may not be entered: pid 1 may hold capabilities that the agent
    /// lacks (ptrace(2)), and then the agent mostly shares its root anyway.
    public static func readable(_ path: String) -> RootDirectory {
        (try? FileDescriptor.open(path, pathOnly | O_DIRECTORY)) == nil ? RootDirectory("/") : RootDirectory(path)
    }

    /// Opens `path` below the root. Never waits for a FIFO's other end.
    public func open(_ path: String, _ flags: Int32 = O_RDONLY) throws(Errno) -> FileDescriptor {
        let root = try FileDescriptor.open(self.path, Self.pathOnly | O_DIRECTORY)
        var resolved = [String]()
        var pending = Self.components(path)
        var links = 0
        while let component = pending.popLast() {
            if component == ".." {
                _ = resolved.popLast()
                continue
            }
            resolved.append(component)
            guard let target = try Self.link(at: root, resolved.joined(separator: "/")) else { continue }
            links += 1
            guard links <= Self.linkLimit else { throw Errno(ELOOP) }
            if target.hasPrefix("/") { resolved = [] } else { resolved.removeLast() }
            pending += Self.components(target)
        }
        let relative = resolved.isEmpty ? "." : resolved.joined(separator: "/")
        return try root.open(at: relative, flags | O_NOFOLLOW | O_NONBLOCK)
    }

    /// The bytes of a regular file; a longer one than `limit` throws `EFBIG`, anything but a file `EINVAL`.
    public func bytes(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
        try Self.bytes(of: try open(path), limit: limit)
    }

    /// The bytes of the regular file `path` below `directory`; the last component may not be a link.
    public static func bytes(at directory: borrowing FileDescriptor, _ path: String, limit: Int) throws(Errno)
        -> [UInt8]
    {
        try bytes(of: try directory.open(at: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), limit: limit)
    }

    private static func bytes(of file: borrowing FileDescriptor, limit: Int) throws(Errno) -> [UInt8] {
        var status = stat()
        guard fstat(file.raw, &status) == 0 else { throw Errno.last }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Errno(EINVAL) }
        return try SmallFile.bytes(of: file, limit: limit)
    }

    /// The names in a directory, at most `limit`.
    public func names(_ path: String, limit: Int) throws(Errno) -> [String] {
        let directory = try open(path, O_RDONLY | O_DIRECTORY)
        return try Directory.names("/proc/self/fd/\(directory.raw)", limit: limit)
    }

    /// The components of a path, last first.
    private static func components(_ path: String) -> [String] {
        path.split(separator: "/").reversed().compactMap { $0 == "." ? nil : String($0) }
    }

    /// The target of `path`, nil where it is no link.
    private static func link(at root: borrowing FileDescriptor, _ path: String) throws(Errno) -> String? {
        let directory = root.raw
        let (target, failure) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) {
            buffer -> (String, Int32) in
            guard let start = buffer.baseAddress else { return ("", ENOMEM) }
            let count = path.withCString { readlinkat(directory, $0, start, buffer.count) }
            guard count >= 0 else { return ("", errno) }
            return (String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self), 0)
        }
        if failure == EINVAL { return nil }
        guard failure == 0 else { throw Errno(failure) }
        return target
    }
}
