public import Network

/// Where the requests of one connection are counted: its container and, if that opened it, its destination.
public struct RequestTarget: Sendable {
    public let container: Container
    public let isInbound: Bool
    let destination: TCPDestination?
    /// The container's own end, and the other one.
    public let local: Endpoint
    public let remote: Endpoint
    /// Inode of the network namespace of `local`.
    let netns: UInt32

    /// Nil for connections whose requests nobody sees: outbound ones that the filter skips.
    public var isCounted: Bool { isInbound || destination != nil }
}
