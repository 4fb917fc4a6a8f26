/// How a destination is sent what waits for it, whatever that is.
struct DeliveryConfiguration: Sendable {
    var signal: Signal
    var format: RequestFormat
    var compression: PushCompression
    var transport: TransportConfiguration
    /// Requests that may be on their way at once.
    var connections: Int
    /// Requests that may wait in memory, if twice those that came last are not more.
    var queueLimit: Int
    /// The first pause after a failure; it doubles up to `longestPause`.
    var shortestPause: Duration
    var longestPause: Duration
}
