import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Sends POST requests to one endpoint, one at a time, over a connection that is kept while the server keeps it.
actor HTTPClient {
    private struct Connection {
        let channel: any Channel
        let failure: ConnectionFailure
    }

    private let endpoint: Endpoint
    private let tls: NIOSSLContext?
    private let timeout: Duration
    private var kept: Connection?

    /// - Parameters:
    ///   - tls: for https endpoints.
    ///   - timeout: for a whole request, connecting included.
    init(endpoint: Endpoint, tls: NIOSSLContext?, timeout: Duration) {
        self.endpoint = endpoint
        self.tls = tls
        self.timeout = timeout
    }

    /// Sends `body`. Cancelling the task closes the connection. Throws what the network or TLS reported, or
    /// `HTTPClientError`.
    func post(_ body: ByteBuffer, headers: HTTPHeaders) async throws -> HTTPResponse {
        var fields = headers
        fields.replaceOrAdd(name: "Host", value: endpoint.hostHeader)
        fields.replaceOrAdd(name: "Content-Length", value: "\(body.readableBytes)")
        if let authorization = endpoint.authorization {
            fields.replaceOrAdd(name: "Authorization", value: authorization)
        }
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: endpoint.target, headers: fields)
        let deadline = ContinuousClock.now + timeout

        if let connection = kept, connection.channel.isActive {
            do {
                return try await exchange(head, body, on: connection, until: deadline)
            } catch {
                if case HTTPClientError.timedOut = error { throw error }
                try Task.checkCancellation()
                // The server gave up the idle connection. Whether it took the request or not, remote write may repeat it.
            }
        }
        let connection = try await connect(until: deadline)
        kept = connection
        return try await exchange(head, body, on: connection, until: deadline)
    }

    /// Closes the kept connection.
    func close() async {
        let connection = kept
        kept = nil
        try? await connection?.channel.close()
    }

    private func exchange(
        _ head: HTTPRequestHead, _ body: ByteBuffer, on connection: Connection, until deadline: ContinuousClock.Instant
    ) async throws -> HTTPResponse {
        let channel = connection.channel
        let answer = channel.eventLoop.makePromise(of: HTTPResponse.self)
        let limit = timeout
        let timer = channel.eventLoop.scheduleTask(in: TimeAmount(deadline - .now)) {
            answer.fail(HTTPClientError.timedOut(limit))
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        channel.writeAndFlush(HTTPRequest(head: head, body: body, answer: answer)).whenFailure { _ in
            // The connection ended before the request reached its handler.
            answer.fail(connection.failure.error)
        }
        return try await withTaskCancellationHandler {
            try await answer.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    private func connect(until deadline: ContinuousClock.Instant) async throws -> Connection {
        let failure = ConnectionFailure()
        let tls = endpoint.isTLS ? tls : nil
        // Certificates name hosts; an address is no host name for SNI and is checked against the peer's own.
        let name = Self.isAddress(endpoint.host) ? nil : endpoint.host
        let channel = try await ClientBootstrap(group: ExportLoop.group)
            .connectTimeout(TimeAmount(deadline - .now))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name)) }
                    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try pipeline.addHandler(HTTPClientHandler(failure: failure))
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .get()
        return Connection(channel: channel, failure: failure)
    }

    private static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }
}
