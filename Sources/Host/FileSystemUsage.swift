/// The space of a file system (statfs(2)), in bytes.
public struct FileSystemUsage: Sendable, Equatable {
    public var size: UInt64
    public var used: UInt64
    /// Free, but for privileged processes only.
    public var reserved: UInt64

    public init(size: UInt64, used: UInt64, reserved: UInt64) {
        self.size = size
        self.used = used
        self.reserved = reserved
    }
}
