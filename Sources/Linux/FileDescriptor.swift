public import Glibc

/// The one owner of an open file descriptor; closed when the owner ends.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The raw descriptor, valid while this value lives.
    public let raw: Int32

    /// Takes ownership of `raw`.
    public init(owning raw: Int32) { self.raw = raw }

    deinit { if raw >= 0 { _ = Glibc.close(raw) } }

    /// Gives the raw descriptor away; the caller closes it.
    public consuming func release() -> Int32 {
        let raw = self.raw
        discard self
        return raw
    }

    /// Opens `path` (open(2)); `O_CLOEXEC` is always added.
    public static func open(
        _ path: String, _ flags: Int32 = O_RDONLY, mode: mode_t = 0
    ) throws(Errno) -> FileDescriptor {
        let raw = path.withCString { Glibc.open($0, flags | O_CLOEXEC, mode) }
        guard raw >= 0 else { throw Errno.last }
        return FileDescriptor(owning: raw)
    }

    /// A stream socket of an address family (`AF_UNIX`, `AF_INET`, …) that does not block (socket(2)).
    public static func streamSocket(_ family: Int32) throws(Errno) -> FileDescriptor {
        let raw = Glibc.socket(
            family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard raw >= 0 else { throw Errno.last }
        return FileDescriptor(owning: raw)
    }

    /// Opens `path` below this directory (openat(2)).
    public borrowing func open(
        at path: String, _ flags: Int32 = O_RDONLY, mode: mode_t = 0
    ) throws(Errno) -> FileDescriptor {
        let directory = self.raw
        let raw = path.withCString { Glibc.openat(directory, $0, flags | O_CLOEXEC, mode) }
        guard raw >= 0 else { throw Errno.last }
        return FileDescriptor(owning: raw)
    }

    /// Reads at `offset` (pread(2)), retrying when interrupted. Returns the bytes read; 0 at the end.
    public borrowing func pread(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int = 0
    ) throws(Errno) -> Int {
        while true {
            let count = Glibc.pread(raw, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            let error = Errno.last
            if error != .interrupted { throw error }
        }
    }

    /// Reads from the current position (read(2)), retrying when interrupted.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        while true {
            let count = Glibc.read(raw, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            let error = Errno.last
            if error != .interrupted { throw error }
        }
    }

    /// A second descriptor for the same open file (`F_DUPFD_CLOEXEC`).
    public borrowing func duplicate() throws(Errno) -> FileDescriptor {
        let copy = Glibc.fcntl(raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Errno.last }
        return FileDescriptor(owning: copy)
    }
}
