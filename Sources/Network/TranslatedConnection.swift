internal import Host

/// What a connection looked like before its packets were translated: the key of a translation.
public struct TranslatedConnection: Hashable, Sendable {
    /// Inode number of the network namespace whose connection tracking saw it.
    public let netns: UInt32
    public let source: Endpoint
    public let destination: Endpoint

    public init(netns: UInt32, source: Endpoint, destination: Endpoint) {
        self.netns = netns
        self.source = source
        self.destination = destination
    }
}
