/// The id of a trace (W3C Trace Context, trace-id): 16 bytes that are not all zero.
public struct TraceID: Sendable, Equatable {
    public let high: UInt64
    public let low: UInt64

    /// 32 hexadecimal digits.
    public init?(hexadecimal text: Span<UInt8>) {
        guard text.count == 32, let high = SpanID.number(text.extracting(0..<16)),
            let low = SpanID.number(text.extracting(16..<32)), high | low != 0
        else { return nil }
        (self.high, self.low) = (high, low)
    }

    public var hexadecimal: String { SpanID.text(high) + SpanID.text(low) }
}
