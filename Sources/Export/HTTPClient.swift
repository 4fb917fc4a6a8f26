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
    private let transport: TransportConfiguration
    private let proxy: Endpoint?
    private let tls: NIOSSLContext?
    private let timeout: Duration
    private var kept: Connection?

    /// - Parameters:
    ///   - tls: for https endpoints and https proxies.
    ///   - transport: its timeout is for a whole request, connecting included.
    init(endpoint: Endpoint, transport: TransportConfiguration, tls: NIOSSLContext?) {
        self.endpoint = endpoint
        self.transport = transport
        proxy = transport.proxies.proxy(for: endpoint)
        self.tls = tls
        timeout = transport.timeout
    }

    /// Whether requests to `endpoint` need TLS somewhere on their way.
    static func needsTLS(_ endpoint: Endpoint, _ transport: TransportConfiguration) -> Bool {
        endpoint.isTLS || transport.proxies.proxy(for: endpoint)?.isTLS == true
    }

    /// Sends `body`. Cancelling the task closes the connection. Throws what the network or TLS reported, `SecretFileError` or
    /// `HTTPClientError`.
    func post(_ body: ByteBuffer, headers: HTTPHeaders) async throws -> HTTPResponse {
        let authorization = try authorization()
        let response = try await post(body, headers, authorization)
        // A token may have been renewed between its reading and the server's.
        guard response.status == 401 || response.status == 403, let fresh = try self.authorization(),
            fresh != authorization
        else { return response }
        return try await post(body, headers, fresh)
    }

    /// Closes the kept connection.
    func close() async {
        let connection = kept
        kept = nil
        try? await connection?.channel.close()
    }

    private func authorization() throws(SecretFileError) -> String? {
        if let own = endpoint.authorization { return own }
        return try transport.credentials.authorization()
    }

    private func post(_ body: ByteBuffer, _ headers: HTTPHeaders, _ authorization: String?) async throws -> HTTPResponse
    {
        var fields = headers
        fields.replaceOrAdd(name: "Host", value: endpoint.hostHeader)
        fields.replaceOrAdd(name: "Content-Length", value: "\(body.readableBytes)")
        if let authorization { fields.replaceOrAdd(name: "Authorization", value: authorization) }
        var uri = endpoint.target
        if let proxy, !endpoint.isTLS {
            // The absolute form (RFC 9112, section 3.2.2).
            uri = "http://\(endpoint.hostHeader)\(uri)"
            if let authorization = proxy.authorization {
                fields.replaceOrAdd(name: "Proxy-Authorization", value: authorization)
            }
        }
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: uri, headers: fields)
        let deadline = ContinuousClock.now + timeout

        if let connection = kept, connection.channel.isActive {
            do {
                return try await exchange(head, body, on: connection, until: deadline)
            } catch {
                if case HTTPClientError.timedOut = error { throw error }
                try Task.checkCancellation()
                // The server gave up the idle connection. Whether it took the request or not, it may be repeated.
            }
        }
        let connection = try await connect(until: deadline)
        kept = connection
        return try await exchange(head, body, on: connection, until: deadline)
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
        let (endpoint, proxy, tls, userAgent) = (endpoint, proxy, tls, transport.userAgent)
        guard let proxy, endpoint.isTLS else {
            let channel = try await bootstrap(until: deadline)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Self.addTLS(proxy ?? endpoint, tls, to: channel)
                        try Self.addHTTP(failure, to: channel)
                    }
                }
                .connect(host: (proxy ?? endpoint).host, port: (proxy ?? endpoint).port).get()
            return Connection(channel: channel, failure: failure)
        }
        let channel = try await bootstrap(until: deadline)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.addTLS(proxy, tls, to: channel) }
            }
            .connect(host: proxy.host, port: proxy.port).get()
        let loop = channel.eventLoop
        let opened = loop.makePromise(of: Void.self)
        let limit = timeout
        let timer = loop.scheduleTask(in: TimeAmount(deadline - .now)) {
            opened.fail(HTTPClientError.timedOut(limit))
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await loop.submit {
                let handler = ProxyConnectHandler(
                    target: HostPort.text(host: endpoint.host, port: endpoint.port),
                    authorization: proxy.authorization, userAgent: userAgent, opened: opened, failure: failure)
                try channel.pipeline.syncOperations.addHandler(handler, name: "connect")
                // A connection that ended meanwhile announces that to nobody any more.
                if !channel.isActive { opened.fail(HTTPClientError.proxy("the proxy closed the connection")) }
            }.get()
            try await opened.futureResult.get()
            try await channel.pipeline.removeHandler(name: "connect").get()
            try await loop.submit {
                try Self.addTLS(endpoint, tls, to: channel)
                try Self.addHTTP(failure, to: channel)
            }.get()
            return Connection(channel: channel, failure: failure)
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    private func bootstrap(until deadline: ContinuousClock.Instant) -> ClientBootstrap {
        ClientBootstrap(group: ExportLoop.group).connectTimeout(TimeAmount(deadline - .now))
    }

    private static func addTLS(_ peer: Endpoint, _ tls: NIOSSLContext?, to channel: any Channel) throws {
        guard peer.isTLS, let tls else { return }
        // Certificates name hosts; an address is no host name for SNI and is checked against the peer's own.
        let name = isAddress(peer.host) ? nil : peer.host
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
    }

    private static func addHTTP(_ failure: ConnectionFailure, to channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
        try channel.pipeline.syncOperations.addHandler(HTTPClientHandler(failure: failure))
    }

    private static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }
}
