import NIOCore
import NIOHTTP1

/// One request at a time over one client connection.
final class HTTPClientHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPRequest
    typealias OutboundOut = HTTPClientRequestPart

    /// Longest answer that is read to its end so that the connection can be used again.
    private static let longestBody = 64 * 1024

    private var answer: EventLoopPromise<HTTPResponse>?
    private var head: HTTPResponseHead?
    private var bodyBytes = 0
    private var body = [UInt8]()
    private let failure: ConnectionFailure

    init(failure: ConnectionFailure) { self.failure = failure }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        guard context.channel.isActive else {
            // The end of the connection was announced already and will not be again.
            promise?.fail(failure.error)
            return
        }
        answer = request.answer
        head = nil
        bodyBytes = 0
        body.removeAll()
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        // From here on the answer alone tells what happened: it knows the reason for a connection's end.
        promise?.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let part):
            bodyBytes += part.readableBytes
            let room = HTTPResponse.keptBody - body.count
            if room > 0 { body.append(contentsOf: part.readableBytesView.prefix(room)) }
            if bodyBytes > Self.longestBody { finish(context, keepsConnection: false) }
        case .end: finish(context, keepsConnection: head?.isKeepAlive ?? false)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure.record(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let answer {
            self.answer = nil
            answer.fail(failure.error)
        }
        context.fireChannelInactive()
    }

    private func finish(_ context: ChannelHandlerContext, keepsConnection: Bool) {
        if let answer, let head {
            // Before closing, which would count as the answer otherwise.
            self.answer = nil
            answer.succeed(HTTPResponse(status: Int(head.status.code), headers: head.headers, body: body))
        }
        if !keepsConnection { context.close(promise: nil) }
    }
}
