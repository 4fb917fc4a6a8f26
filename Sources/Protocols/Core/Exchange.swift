/// One request with what became of it, or one message of a broker.
public struct Exchange: Sendable {
    public let applicationProtocol: ApplicationProtocol
    public let method: ExchangeMethod
    public let status: ExchangeStatus
    /// When its first byte was seen, in nanoseconds (CLOCK_MONOTONIC).
    public let start: UInt64
    /// When the first byte of its answer was seen; of an unanswered one, when that became certain. `start` of messages
    /// without an answer.
    public let end: UInt64
    /// Whether the sampling of traces has chosen it already.
    public var isDrawn = false

    public init(
        _ applicationProtocol: ApplicationProtocol, _ method: ExchangeMethod = .request, status: ExchangeStatus,
        start: UInt64, end: UInt64
    ) {
        self.applicationProtocol = applicationProtocol
        self.method = method
        self.status = status
        self.start = start
        self.end = end
    }

    /// Nanoseconds; 0 where a clock says less.
    public var duration: UInt64 { end > start ? end - start : 0 }
}
