public import Network

/// The connection of a request as the container sees it that sent or served it.
public struct RequestPeer: Sendable {
    /// Whom a container asked.
    public enum Destination: Sendable {
        case endpoint(Endpoint)
        /// A domain name that stands for its addresses.
        case name(String, port: UInt16)
    }

    /// Whether the container served the request.
    public var isInbound: Bool
    /// Whether the text was taken from TLS.
    public var isTLS: Bool
    /// Where the container connected to; of an inbound request, the client.
    public var destination: Destination
    /// Where the connection went after address translation; nil where that is not known, or a name stands for it.
    public var actual: Endpoint?
    /// The container's own end.
    public var local: Endpoint
    /// Tells connections apart; 0 where it is not known.
    public var connection: UInt64
    /// Inode of the network namespace of the container's end; 0 where it is not known.
    public var netns: UInt32

    public init(
        isInbound: Bool, isTLS: Bool, destination: Destination, actual: Endpoint? = nil, local: Endpoint,
        connection: UInt64 = 0, netns: UInt32 = 0
    ) {
        (self.isInbound, self.isTLS, self.destination) = (isInbound, isTLS, destination)
        (self.actual, self.local, self.connection, self.netns) = (actual, local, connection, netns)
    }

    /// The other end's address on the wire, where it is known.
    public var remote: Endpoint? {
        if let actual { return actual }
        if case .endpoint(let endpoint) = destination { return endpoint }
        return nil
    }
}
