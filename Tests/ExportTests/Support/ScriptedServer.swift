import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server that answers as the test wants, and remembers what it got.
final class ScriptedServer: Sendable {
    struct Received: Sendable {
        let method: HTTPMethod
        let uri: String
        let headers: HTTPHeaders
        let body: [UInt8]
        /// Numbers connections from 0.
        let connection: Int
    }

    enum Answer: Sendable {
        case status(Int, body: String = "", headers: [(String, String)] = [])
        /// Like a status, but the connection ends after it.
        case last(Int)
        /// A status after so many seconds.
        case later(Double, Int)
        /// Never answers.
        case hang
        /// Ends the connection with RST instead of an answer.
        case reset
        /// Ends the connection without an answer.
        case close

        /// Whether the request was taken.
        var isGood: Bool {
            switch self {
            case .status(let code, _, _), .later(_, let code): (200..<300).contains(code)
            default: false
            }
        }
    }

    /// What handlers write and the test reads.
    private final class Log: Sendable {
        let received = Mutex<[Received]>([])
        let connections = Mutex(0)
    }

    private let log: Log
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel

    /// Answers the first request with the first of `answers` and so on; the last one serves for all that follow.
    static func with<Result>(
        _ answers: [Answer], tls: NIOSSLContext? = nil, _ body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let server = try await ScriptedServer(answers, tls: tls)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            try? await server.stop()
            throw error
        }
    }

    private init(_ answers: [Answer], tls: NIOSSLContext?) async throws {
        let log = Log()
        self.log = log
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(log: log, answers: answers))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private func stop() async throws {
        try? await channel.close()
        try await group.shutdownGracefully()
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var received: [Received] { log.received.withLock { $0 } }
    var connections: Int { log.connections.withLock { $0 } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let log: Log
        private let answers: [Answer]
        private var connection = 0
        private var head: HTTPRequestHead?
        private var body = [UInt8]()

        init(log: Log, answers: [Answer]) {
            self.log = log
            self.answers = answers
        }

        func channelActive(context: ChannelHandlerContext) {
            connection = log.connections.withLock { count in
                defer { count += 1 }
                return count
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part): body += part.readableBytesView
            case .end:
                guard let head else { return }
                let request = Received(
                    method: head.method, uri: head.uri, headers: head.headers, body: body, connection: connection)
                let number = log.received.withLock { received in
                    received.append(request)
                    return received.count - 1
                }
                answer(answers[min(number, answers.count - 1)], context)
            }
        }

        private func answer(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .status(let code, let body, let headers): respond(code, body, HTTPHeaders(headers), context)
            case .last(let code):
                let channel = context.channel
                respond(code, "", ["Connection": "close"], context).whenComplete { _ in channel.close(promise: nil) }
            case .later(let seconds, let code):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {
                    let (handler, context) = bound.value
                    handler.respond(code, "", [:], context)
                }
            case .hang: break
            case .close: context.close(promise: nil)
            case .reset:
                let now = linger(l_onoff: 1, l_linger: 0)
                let channel = context.channel
                guard let socket = channel as? any SocketOptionProvider else { return }
                socket.setSoLinger(now).whenComplete { _ in channel.close(promise: nil) }
            }
        }

        @discardableResult
        private func respond(
            _ code: Int, _ text: String, _ headers: HTTPHeaders, _ context: ChannelHandlerContext
        ) -> EventLoopFuture<Void> {
            var headers = headers
            headers.add(name: "Content-Length", value: "\(text.utf8.count)")
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            return context.writeAndFlush(wrapOutboundOut(.end(nil)))
        }
    }
}
