/// An open connection of a container: how far its counters have been taken over.
struct Connection {
    /// Nil for inbound ones and those that the filter skips.
    var destination: TCPDestination?
    let isInbound: Bool
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var retransmits: UInt64 = 0
}
