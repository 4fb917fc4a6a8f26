/// How far a file was read: what a checkpoint keeps of it.
struct FilePosition: Equatable {
    let identity: FileStatus.Identity
    let fingerprint: Fingerprint
    /// Of the first byte that is to be read again.
    let offset: UInt64
    /// When the file was last written to, nanoseconds since the Unix epoch: files that were rotated since are newer.
    let modified: UInt64
}
