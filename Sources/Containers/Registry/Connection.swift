internal import CEvents
internal import Network

/// An open connection of a container: how far its counters have been taken over.
struct Connection {
    /// Nil for inbound ones and those that the filter skips.
    var destination: TCPDestination?
    let isInbound: Bool
    /// Both ends on the wire.
    let local: Endpoint
    let remote: Endpoint
    /// Inode of the network namespace of `local`.
    let netns: UInt32
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var retransmits: UInt64 = 0

    init(destination: TCPDestination?, isInbound: Bool, _ ends: martlet_endpoints) {
        self.destination = destination
        self.isInbound = isInbound
        local = Endpoint(local: ends)
        remote = Endpoint(remote: ends)
        netns = ends.netns
    }
}
