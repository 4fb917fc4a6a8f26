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
    private let excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)?

    /// - Parameters:
    ///   - spans: who takes requests beside the metrics.
    ///   - excludes: whether requests with this HTTP path are left out; nil leaves none out.
    public init(spans: (any SpanSink)? = nil, excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)? = nil) {
        parsing = ParsingOptions(wantsText: spans != nil || excludes != nil)
        self.spans = spans
        self.excludes = excludes
    }

    func report(
        _ exchange: Exchange, _ text: borrowing RequestText, of target: RequestTarget, connection: UInt64, isTLS: Bool
    ) {
        if isExcluded(exchange, text) { return }
        // The text travels as two references; the container's lane is the one that this runs on.
        target.container.onLane((exchange, copy text, target)) { container, argument in
            container.count(argument.0, argument.1, of: argument.2)
        }
        guard let spans else { return }
        let call = (spans, exchange, copy text, target, connection, isTLS)
        target.container.onLane(call) { container, call in
            guard let resource = container.traceResource else { return }
            call.0.take(
                call.1, call.2, container.peer(call.3, connection: call.4, isTLS: call.5), from: resource)
        }
    }

    /// The same of a DNS request by datagram.
    func report(_ exchange: Exchange, _ text: borrowing RequestText, of container: Container, isInbound: Bool) {
        container.onLane((exchange, copy text, isInbound, spans)) { container, call in
            container.count(call.0, call.1, isInbound: call.2)
            guard let spans = call.3, let resource = container.traceResource else { return }
            let nowhere = Endpoint(address: .unspecified, port: 53)
            let peer = RequestPeer(
                isInbound: call.2, isTLS: false, destination: .endpoint(nowhere), local: nowhere)
            spans.take(call.0, call.1, peer, from: resource)
        }
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
