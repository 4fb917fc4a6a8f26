/// What is sent to one receiver of logs or traces, and how.
public struct OTLPConfiguration: Sendable {
    public var endpoint: Endpoint
    /// `auto` is gzip; `snappy` does not exist in OTLP.
    public var compression = PushCompression.auto
    public var transport: TransportConfiguration
    /// A batch is closed when it has so many bytes, or this age.
    public var batchBytes = 1 << 20
    public var batchAge: Duration = .seconds(5)
    /// Closed batches that may wait to be compressed.
    public var closedLimit = 8
    /// Requests that may be on their way at once; those of logs leave one after the other.
    public var connections = 1
    /// Requests that may wait in memory.
    public var queueLimit = 16
    /// The first pause after a failure; it doubles up to `longestPause`.
    public var shortestPause: Duration = .seconds(5)
    public var longestPause: Duration = .seconds(60)

    public init(endpoint: Endpoint, transport: TransportConfiguration) {
        self.endpoint = endpoint
        self.transport = transport
    }

    func delivery(_ signal: Signal) -> DeliveryConfiguration {
        DeliveryConfiguration(
            signal: signal, format: signal == .logs ? .otlpLogs : .otlpTraces, compression: compression,
            transport: transport, connections: signal == .logs ? 1 : connections, queueLimit: queueLimit,
            shortestPause: shortestPause, longestPause: longestPause)
    }
}
