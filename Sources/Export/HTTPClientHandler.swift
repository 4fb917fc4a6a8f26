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
    private var reason = [UInt8]()
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
        reason.removeAll()
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        // From here on the answer alone tells what happened: it knows the reason for a connection's end.
        promise?.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let body):
            bodyBytes += body.readableBytes
            let room = HTTPResponse.longestReason - reason.count
            if room > 0 { reason.append(contentsOf: body.readableBytesView.prefix(room)) }
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
            answer.succeed(
                HTTPResponse(
                    status: Int(head.status.code), reason: Self.line(reason),
                    retryAfter: head.headers.first(name: "Retry-After").flatMap { Int($0) }))
        }
        if !keepsConnection { context.close(promise: nil) }
    }

    /// The first line of `bytes`, fit for a log.
    private static func line(_ bytes: [UInt8]) -> String {
        let first = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: first, as: UTF8.self).filter { character in
            character.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }
    }
}
