internal import Network

/// A listening address of one network namespace.
struct ListenKey: Hashable {
    let endpoint: Endpoint
    /// Inode number of the network namespace.
    let netns: UInt32
}
