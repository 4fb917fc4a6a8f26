public import Containers
internal import Host
internal import Network
public import Protocols
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
        let spans = spans
        // Safe: the container lives on the lane that this runs on, which `assumeIsolated` checks; nobody keeps the text.
        nonisolated(unsafe) let text = copy text
        target.container.assumeIsolated { container in
            container.count(exchange, text, of: target)
            guard let spans, let resource = container.traceResource else { return }
            spans.take(
                exchange, text, container.peer(target, connection: connection, isTLS: isTLS), from: resource)
        }
    }

    /// The same of a DNS request by datagram.
    func report(_ exchange: Exchange, _ text: borrowing RequestText, of container: Container, isInbound: Bool) {
        let spans = spans
        // Safe: as above.
        nonisolated(unsafe) let text = copy text
        container.assumeIsolated { container in
            container.count(exchange, text, isInbound: isInbound)
            guard let spans, let resource = container.traceResource else { return }
            let nowhere = Endpoint(address: .unspecified, port: 53)
            let peer = RequestPeer(
                isInbound: isInbound, isTLS: false, destination: .endpoint(nowhere), local: nowhere)
            spans.take(exchange, text, peer, from: resource)
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
