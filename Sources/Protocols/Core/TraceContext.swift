/// The trace that a request says it belongs to (W3C Trace Context `traceparent`, or B3).
public struct TraceContext: Equatable, Sendable {
    /// Not zero.
    public var traceHigh: UInt64
    public var traceLow: UInt64
    /// The span of the caller; not zero.
    public var parent: UInt64
    public var isSampled: Bool

    public init(traceHigh: UInt64, traceLow: UInt64, parent: UInt64, isSampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.parent = parent
        self.isSampled = isSampled
    }
}
