import NIOCore
import NIOHTTP1
import Wire

/// Answers the requests of one connection.
final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Sent down the pipeline when the server stops: close as soon as nothing is on its way.
    struct Drain: Sendable {}

    private static let paths: Set<String> = ["/metrics", "/healthz", "/readyz"]

    private let server: MetricsServer
    private let connection: ConnectionState
    /// The request whose end has not come yet.
    private var head: HTTPRequestHead?
    private var isLast = false
    private var deadline: Scheduled<Void>?

    init(server: MetricsServer, connection: ConnectionState) {
        self.server = server
        self.connection = connection
    }

    func channelActive(context: ChannelHandlerContext) {
        setDeadline(server.limits.idle, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Drain {
            isLast = true
            if !connection.isResponding { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Broken requests were answered with 400 by the pipeline; network errors have nobody to be told to.
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let length = head.headers["Content-Length"]
            if head.headers.contains(name: "Transfer-Encoding") || length.contains(where: { $0 != "0" }) {
                // Nothing here takes a body, so the client is told at once and what it sends is not read.
                isLast = true
                answer(head, hasBody: true, context)
            } else {
                self.head = head
            }
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            connection.requestBytes = 0
            answer(head, hasBody: false, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, hasBody: Bool, _ context: ChannelHandlerContext) {
        if !head.isKeepAlive || head.version != .http1_1 { isLast = true }
        let path = String(head.uri.prefix { $0 != "?" })
        guard Self.paths.contains(path) else {
            respond(context, to: head, status: .notFound)
            return
        }
        guard head.method == .GET || head.method == .HEAD else {
            respond(context, to: head, status: .methodNotAllowed, headers: [("Allow", "GET, HEAD")])
            return
        }
        if hasBody {
            server.countRefusedRequest()
            respond(context, to: head, status: .payloadTooLarge)
            return
        }
        switch path {
        case "/healthz": respond(context, to: head, status: .ok)
        case "/readyz": respond(context, to: head, status: server.ready ? .ok : .serviceUnavailable)
        default: answerMetrics(head, context)
        }
    }

    private func answerMetrics(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        func joined(_ name: String) -> String? {
            let values = head.headers[name]
            return values.isEmpty ? nil : values.joined(separator: ",")
        }
        let format = Negotiation.format(accept: joined("Accept"))
        guard let coding = Negotiation.coding(acceptEncoding: joined("Accept-Encoding")) else {
            respond(context, to: head, status: .notAcceptable)
            return
        }
        guard server.beginPage() else {
            respond(context, to: head, status: .serviceUnavailable, headers: [("Retry-After", "1")])
            return
        }
        connection.isResponding = true
        setDeadline(server.limits.response, context)
        let page = context.eventLoop.makePromise(of: ByteBuffer.self)
        page.completeWithTask { [server] in try await server.page(format: format, coding: coding) }
        page.futureResult.assumeIsolated().whenComplete { [server] result in
            guard context.channel.isActive else {
                server.endPage(sent: false)
                return
            }
            switch result {
            case .success(let body):
                var headers = [("Content-Type", format.contentType), ("Vary", "Accept, Accept-Encoding")]
                if coding != .identity { headers.append(("Content-Encoding", coding.rawValue)) }
                self.respond(context, to: head, status: .ok, headers: headers, body: body) { server.endPage(sent: $0) }
            case .failure:
                self.respond(context, to: head, status: .internalServerError) { _ in server.endPage(sent: false) }
            }
        }
    }

    /// Sends a response; without `body`, the status in words. `then` hears whether all of it was sent.
    private func respond(
        _ context: ChannelHandlerContext, to head: HTTPRequestHead, status: HTTPResponseStatus,
        headers: [(String, String)] = [], body: ByteBuffer? = nil, then: ((Bool) -> Void)? = nil
    ) {
        connection.isResponding = true
        setDeadline(server.limits.response, context)
        var fields = HTTPHeaders(headers)
        if body == nil { fields.add(name: "Content-Type", value: "text/plain; charset=utf-8") }
        let body = body ?? ByteBuffer(string: status.reasonPhrase + "\n")
        fields.add(name: "Content-Length", value: "\(body.readableBytes)")
        let isLast = self.isLast
        if isLast { fields.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))), promise: nil)
        if head.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { result in
            self.connection.isResponding = false
            switch result {
            case .success:
                then?(true)
                if isLast || self.isLast {
                    context.close(promise: nil)
                } else {
                    self.setDeadline(self.server.limits.idle, context)
                }
            case .failure:
                then?(false)
                context.close(promise: nil)
            }
        }
    }

    /// Closes the connection after `time` unless a new deadline is set.
    private func setDeadline(_ time: Duration, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        guard context.channel.isActive else { return }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { [server] in
            server.countTimeout()
            context.close(promise: nil)
        }
    }
}
