internal import Glibc
internal import Linux

/// What fstat(2) says of a file that matters here.
struct FileStatus {
    /// Which file it is, as long as it exists: device and inode.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    let identity: Identity
    /// In bytes.
    let size: UInt64
    /// Nanoseconds since the Unix epoch.
    let modified: UInt64
    let isRegular: Bool
    /// Whether no directory has it any more.
    let isDeleted: Bool

    init(_ descriptor: borrowing FileDescriptor) throws(Errno) {
        var status = stat()
        guard fstat(descriptor.raw, &status) == 0 else { throw Errno.last }
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = UInt64(max(0, status.st_size))
        modified =
            UInt64(max(0, status.st_mtim.tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, status.st_mtim.tv_nsec))
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDeleted = status.st_nlink == 0
    }
}
