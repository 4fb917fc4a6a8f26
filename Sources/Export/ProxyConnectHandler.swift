import NIOCore

/// Has a proxy open a tunnel (CONNECT, RFC 9110, section 9.3.6) and then leaves the connection to whoever comes next.
final class ProxyConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Longest answer of a proxy; beyond it something else speaks.
    private static let longestAnswer = 16 << 10

    private let request: String
    private let opened: EventLoopPromise<Void>
    private let failure: ConnectionFailure
    private var answer = ByteBuffer()

    /// - Parameters:
    ///   - target: host and port of the server behind the proxy.
    ///   - opened: hears when the tunnel is there, or why it is not.
    init(
        target: String, authorization: String?, userAgent: String, opened: EventLoopPromise<Void>,
        failure: ConnectionFailure
    ) {
        let credentials = authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
        request =
            "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\nUser-Agent: \(userAgent)\r\n\(credentials)\r\n"
        self.opened = opened
        self.failure = failure
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { send(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
        context.fireChannelActive()
    }

    private func send(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        answer.writeBuffer(&part)
        guard let end = Self.headEnd(answer) else {
            if answer.readableBytes > Self.longestAnswer { fail(context, "the proxy gave no answer that is HTTP") }
            return
        }
        let line = answer.readableBytesView.withUnsafeBytes { HTTPResponse.line($0[...]) }
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
            return fail(context, "the proxy gave no answer that is HTTP")
        }
        guard (200..<300).contains(status) else {
            let advice = status == 407 ? "; name user and password in the proxy's URL" : ""
            return fail(context, "the proxy refused the tunnel: \(parts.dropFirst().joined(separator: " "))\(advice)")
        }
        // The server speaks after the client: what else arrived belongs to nobody.
        guard answer.readableBytes == end else { return fail(context, "the proxy said more than was asked") }
        opened.succeed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure.record(error)
        opened.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        opened.fail(HTTPClientError.proxy("the proxy closed the connection"))
        context.fireChannelInactive()
    }

    private func fail(_ context: ChannelHandlerContext, _ reason: String) {
        opened.fail(HTTPClientError.proxy(reason))
        context.close(promise: nil)
    }

    /// Bytes up to and with the empty line.
    private static func headEnd(_ answer: ByteBuffer) -> Int? {
        let bytes = answer.readableBytesView
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard bytes.count >= mark.count else { return nil }
        for offset in 0...(bytes.count - mark.count)
        where bytes[bytes.startIndex + offset..<bytes.startIndex + offset + mark.count].elementsEqual(mark) {
            return offset + mark.count
        }
        return nil
    }
}
