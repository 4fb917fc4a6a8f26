internal import Host

/// One mount of a container to which it writes, as it was read last.
struct DiskReading: Sendable {
    /// What names the series.
    struct Place: Hashable, Sendable {
        let mountPoint: String
        /// The whole block device; empty where there is none (ZFS).
        let device: String
        /// The directory of the file system that is mounted.
        let root: String
    }

    let place: Place
    /// nil until it is known, and while the file system hangs.
    let usage: FileSystemUsage?
    /// Of the whole device, whatever mount the container went through; nil where the kernel counts none.
    let io: CgroupIO.Counters?
}
