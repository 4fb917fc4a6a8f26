internal import CEvents
public import Network

/// Where the requests of one connection are counted: its container and, if that opened it, its destination.
public struct RequestTarget: Sendable {
    public let container: Container
    public let isInbound: Bool
    let destination: TCPDestination?

    /// Nil for connections whose requests nobody sees: outbound ones that the filter skips.
    public var isCounted: Bool { isInbound || destination != nil }

    /// Where the container wanted to go and where it went; nil for inbound connections, and where a name stands for them.
    public var endpoints: (destination: Endpoint, actual: Endpoint)? {
        destination.flatMap { $0.key.name == 0 ? ($0.key.destination, $0.key.actual) : nil }
    }

    /// The number of the name that stands for the destination (`DomainNames`), and its port; nil if none does.
    public var name: (number: UInt32, port: UInt16)? {
        destination.flatMap { $0.key.name != 0 ? ($0.key.name, $0.key.destination.port) : nil }
    }
}
