public import Containers
internal import Host
internal import Network
public import Protocols
internal import Ring
public import Traces

/// What is done with requests: the same for all connections.
public final class RequestSettings {
    /// What connections are read for.
    public let parsing: ParsingOptions
    private let spans: (any SpanSink)?
    private var held = HeldSpans()
    /// How often bytes were missing that connections cannot be followed without (`Conversation.gaps`).
    var gaps: UInt64 = 0
    /// Memory of segments of all connections that wait for earlier ones (`StreamPosition`), and its bound: what comes beyond it
    /// is read as if the earlier ones were lost.
    var waitingBytes = 0
    static let maximumWaitingBytes = 16 << 20
    private let excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)?

    /// - Parameters:
    ///   - spans: who takes requests beside the metrics.
    ///   - excludes: whether requests with this HTTP path are left out; nil leaves none out.
    public init(spans: (any SpanSink)? = nil, excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)? = nil) {
        parsing = ParsingOptions(wantsText: spans != nil || excludes != nil)
        self.spans = spans
        self.excludes = excludes
    }

    /// Counts a request; if `isTraced`, it has a span too, where spans are wanted.
    func report(
        _ exchange: Exchange, _ text: borrowing RequestText, of target: RequestTarget, connection: UInt64, isTLS: Bool,
        isTraced: Bool
    ) {
        if isExcluded(exchange, text) { return }
        // The text travels as two references; the container's lane is the one that this runs on.
        target.container.onLane((exchange, copy text, target)) { container, argument in
            container.count(argument.0, argument.1, of: argument.2)
        }
        if spans == nil || !isTraced { return }
        let peer = target.container.onLane((target, connection, isTLS)) { container, call in
            container.peer(call.0, connection: call.1, isTLS: call.2)
        }
        trace(exchange, text, peer, target.container)
    }

    /// The same of a DNS request by datagram.
    func report(_ exchange: Exchange, _ text: borrowing RequestText, of container: Container, isInbound: Bool) {
        container.onLane((exchange, copy text, isInbound)) { container, call in
            container.count(call.0, call.1, isInbound: call.2)
        }
        if spans == nil { return }
        let nowhere = Endpoint(address: .unspecified, port: 53)
        let peer = RequestPeer(isInbound: isInbound, isTLS: false, destination: .endpoint(nowhere), local: nowhere)
        trace(exchange, text, peer, container)
    }

    /// After a pass over all rings: spans that had to wait.
    func settle() { if let spans { held.flush(to: spans) } }

    /// Whether spans wait until it is known whose they are.
    var holdsSpans: Bool { !held.isEmpty }

    func giveUpSpans() { held.giveUp() }

    /// Spans given up, see `HeldSpans`.
    var droppedSpans: UInt64 { held.dropped }

    private func trace(
        _ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, _ container: Container
    ) {
        guard let spans, !peer.isInbound || spans.takesInbound else { return }
        let isDecided = container.onLane((exchange, copy text, peer, spans)) { container, call in
            if let resource = container.traceResource { call.3.take(call.0, call.1, call.2, from: resource) }
            return container.isDecided
        }
        if !isDecided { held.add(exchange, copy text, peer, container) }
    }

    /// Whether segments are wanted even of requests that the kernel can count.
    public var wantsText: Bool { parsing.wantsText }

    private func isExcluded(_ exchange: Exchange, _ text: borrowing RequestText) -> Bool {
        guard let excludes, exchange.applicationProtocol == .http1 || exchange.applicationProtocol == .http2,
            let target = text.first(.target)
        else { return false }
        return text.withBytes(target) { excludes($0) }
    }
}
