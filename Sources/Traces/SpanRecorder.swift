public import Protocols
public import Wire

/// Makes spans of exchanges and writes them into a batch.
///
/// A request that names its trace (W3C Trace Context or B3) belongs to it, with the caller's span as parent, if that trace is
/// sampled; any other begins a trace of its own. Both sides of a request on one node are in one trace, the client's span the
/// parent of the server's, where `SpanJoiner` finds them.
///
/// Nothing is allocated for a span with IPv4 addresses once the buffers have grown.
public struct SpanRecorder: ~Copyable, Sendable {
    private let options: TraceOptions
    private let sampler: TraceSampler
    private let writer: SpanWriter
    private var encoder: SpanEncoder
    private var ids = IDGenerator()
    private var clock = WallClock()
    private var joiner = SpanJoiner()
    /// A statement without its values.
    private var scratch: [UInt8] = []

    /// Spans since the start whose two sides were joined.
    public private(set) var joined: UInt64 = 0

    /// - Parameter version: of the agent.
    public init(_ options: TraceOptions, version: String) {
        self.options = options
        sampler = TraceSampler(probability: options.sampling)
        writer = SpanWriter(options)
        encoder = SpanEncoder(
            scopeName: "coroot-node-agent", scopeVersion: version,
            schemaURL: options.conventions.isStable ? "" : "https://opentelemetry.io/schemas/1.18.0")
    }

    /// Spans in the batch.
    public var count: Int { encoder.count }
    /// Bytes of the batch, about.
    public var byteCount: Int { encoder.byteCount }
    /// Whether the batch must be finished before another resource.
    public var isFull: Bool { encoder.isFull }

    /// Appends the request of all spans in the batch, which is empty then.
    public mutating func finish(into request: inout WireBuffer) { encoder.finish(into: &request) }

    /// Writes the span of an exchange, if it has one.
    public mutating func take(
        _ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, from owner: ResourceFacts
    ) {
        if peer.isInbound && !options.includesInbound { return }
        guard let shape = SpanShape(exchange, text) else { return }
        let context = text.context.flatMap { $0.isSampled ? $0 : nil }
        var head = SpanEncoder.Head(
            traceHigh: context?.traceHigh ?? 0, traceLow: context?.traceLow ?? 0, id: ids.next(),
            parent: context?.parent ?? 0, kind: shape.kind(exchange.method, isInbound: peer.isInbound), start: 0,
            end: 0,
            isParentRemote: true)

        let key = options.includesInbound ? SpanJoiner.Key(exchange, text, peer) : nil
        let other = key.flatMap {
            joiner.other(
                of: $0, isInbound: peer.isInbound, start: exchange.start, end: exchange.end,
                isOrdered: exchange.applicationProtocol.answersInOrder)
        }
        if let other {
            joined += 1
            (head.traceHigh, head.traceLow) = (other.traceHigh, other.traceLow)
            if peer.isInbound { (head.parent, head.isParentRemote) = (other.span, false) }
        } else if context == nil {
            (head.traceHigh, head.traceLow) = (ids.next(), ids.next())
            if exchange.isDrawn { head.traceLow = sampler.kept(head.traceLow) }
        }
        var place: SpanEncoder.ParentPlace?
        if sampler.keeps(traceLow: head.traceLow) {
            head.start = clock.wallTime(of: exchange.start)
            head.end = head.start &+ exchange.duration
            place = writer.write(exchange, text, peer, shape, head, of: owner, &encoder, &scratch)
            if let theirs = other?.place, !peer.isInbound { _ = encoder.set(parent: head.id, at: theirs) }
        }
        if let key, other == nil {
            joiner.remember(
                SpanJoiner.Seen(
                    isInbound: peer.isInbound, start: exchange.start, end: exchange.end, traceHigh: head.traceHigh,
                    traceLow: head.traceLow, span: head.id, place: peer.isInbound ? place : nil), key)
        }
    }
}
