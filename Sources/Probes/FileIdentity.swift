internal import CLinux
internal import Glibc
internal import Linux

/// A file, whatever path leads to it.
///
/// Containers of one image have one file under several file systems (overlayfs gives each mount a device number of its own):
/// there the times and the size stand for the device, so that it gets its probes once.
struct FileIdentity: Hashable {
    private let device: UInt64
    let inode: UInt64
    private let size: Int
    private let changed: Int
    private let modified: Int

    /// `OVERLAYFS_SUPER_MAGIC`, include/uapi/linux/magic.h.
    private static let overlay = 0x794C_7630

    /// Nil for what is no regular file.
    init?(_ file: borrowing FileDescriptor) {
        var status = stat()
        guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let isOverlay = martlet_file_system(file.raw) == Self.overlay
        device = isOverlay ? 0 : UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = isOverlay ? Int(status.st_size) : 0
        changed = isOverlay ? Self.nanoseconds(status.st_ctim) : 0
        modified = isOverlay ? Self.nanoseconds(status.st_mtim) : 0
    }

    private static func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec) }
}
