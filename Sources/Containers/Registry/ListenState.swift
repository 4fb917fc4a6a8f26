/// How many sockets listen on one address.
struct ListenState {
    /// With SO_REUSEPORT there can be several.
    var openSockets: Int
    /// CLOCK_MONOTONIC of the last close.
    var closedAt: UInt64 = 0
}
