import NIOCore

/// Stops clients whose requests are too large before the parser collects them.
final class RequestLimitHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: MetricsServer
    private let connection: ConnectionState
    private var isRefused = false

    init(server: MetricsServer, connection: ConnectionState) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isRefused { return }
        connection.requestBytes += unwrapInboundIn(data).readableBytes
        guard connection.requestBytes > server.limits.requestBytes else {
            context.fireChannelRead(data)
            return
        }
        isRefused = true
        server.countRefusedRequest()
        guard !connection.isResponding else {
            context.close(promise: nil)
            return
        }
        // The parser knows of no request yet, so the answer goes past it.
        let answer = "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }
}
