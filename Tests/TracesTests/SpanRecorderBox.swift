import Host
import Network
import Protocols
import Wire

@testable import Traces

/// A recorder with what tests say again and again.
struct SpanRecorderBox: ~Copyable {
    static let client = Endpoint(address: IPAddress([10, 0, 0, 1])!, port: 40_000)
    static let server = Endpoint(address: IPAddress([10, 0, 0, 2])!, port: 8080)
    static let caller = ResourceFacts(
        serviceName: "/docker/caller", containerID: "/docker/caller", hostName: "n", hostID: "m")
    static let callee = ResourceFacts(
        serviceName: "/docker/callee", containerID: "/docker/callee", hostName: "n", hostID: "m")

    var recorder: SpanRecorder

    init(_ change: (inout TraceOptions) -> Void = { _ in }) {
        var options = TraceOptions()
        change(&options)
        recorder = SpanRecorder(options, version: "1.0")
    }

    /// A request of the client, seen by it or by the server.
    mutating func take(
        _ applicationProtocol: ApplicationProtocol, _ texts: [(RequestText.Kind, String)],
        _ status: ExchangeStatus = .http(200), method: ExchangeMethod = .request, isInbound: Bool = false,
        isTLS: Bool = false, context: TraceContext? = nil, start: UInt64 = 1000, end: UInt64 = 3000,
        client: Endpoint = Self.client, server: Endpoint = Self.server, actual: Endpoint? = nil, netns: UInt32 = 7,
        isCut: Bool = false, isDrawn: Bool = false
    ) {
        var text = RequestText()
        for (kind, value) in texts {
            Array(value.utf8).withUnsafeBytes { text.add(kind, RawSpan(_unsafeBytes: $0), isCut: isCut) }
        }
        text.context = context
        let peer = RequestPeer(
            isInbound: isInbound, isTLS: isTLS, destination: .endpoint(isInbound ? client : server),
            actual: isInbound ? nil : actual, local: isInbound ? server : client, connection: 1, netns: netns)
        var exchange = Exchange(applicationProtocol, method, status: status, start: start, end: end)
        exchange.isDrawn = isDrawn
        recorder.take(exchange, text, peer, from: isInbound ? Self.callee : Self.caller)
    }

    /// The spans so far.
    mutating func spans() -> [DecodedSpan] { DecodedSpan.all(&self) }
}
