import Glibc
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Wire

/// The agent's HTTP server: `GET` and `HEAD` of `/metrics`, `/healthz` and `/readyz`.
///
/// The page is Prometheus text or OpenMetrics by the Accept header, and plain, gzip or zstd by Accept-Encoding. Whatever
/// clients do, memory is bounded: by the number of connections, by the bytes of a request, by the number of pages that are
/// made or on their way, and by the time that each of these may take.
public final class MetricsServer: Sendable {
    /// What clients may take.
    public struct Limits: Sendable {
        /// Open connections; more are closed at once.
        public var connections = 128
        /// Bytes of a request's line and headers.
        public var requestBytes = 16 * 1024
        /// Pages being made or sent; more are answered with 503.
        public var pages = 8
        /// From the end of a response (or from connecting) until the next request is complete.
        public var idle: Duration = .seconds(120)
        /// From the end of a request until its response is sent.
        public var response: Duration = .seconds(30)
        /// How long a shutdown waits for responses that are on their way.
        public var shutdown: Duration = .seconds(1)

        public init() {}
    }

    /// What the server did so far.
    public struct Statistics: Sendable, Equatable {
        /// Pages sent in full.
        public var pages: UInt64 = 0
        /// Connections closed because there were too many.
        public var refusedConnections: UInt64 = 0
        /// Pages refused because too many were on their way.
        public var refusedPages: UInt64 = 0
        /// Requests refused because they were too large.
        public var refusedRequests: UInt64 = 0
        /// Connections closed because the client was too slow.
        public var timeouts: UInt64 = 0
        /// Connections open now.
        public var connections = 0
    }

    private struct State {
        var listener: (any Channel)?
        var children: [ObjectIdentifier: any Channel] = [:]
        var pagesInFlight = 0
        var isShuttingDown = false
        var statistics = Statistics()
    }

    let limits: Limits
    private let listen: ListenAddress
    private let source: any SnapshotSource
    private let isReady: @Sendable () -> Bool
    private let renderer = PageRenderer()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - listen: where to listen; port 0 lets the kernel choose (see `boundAddress`).
    ///   - source: asked for a snapshot per page.
    ///   - isReady: decides between 200 and 503 on `/readyz`; called on the network thread, so it must not block.
    public init(
        listen: ListenAddress, source: any SnapshotSource, limits: Limits = Limits(),
        isReady: @escaping @Sendable () -> Bool = { true }
    ) {
        self.listen = listen
        self.source = source
        self.limits = limits
        self.isReady = isReady
    }

    /// Starts listening; returns when connections are accepted.
    public func start() async throws(MetricsServerError) {
        let listener: any Channel
        do {
            if listen.host.isEmpty {
                do {
                    listener = try await bind(host: "::")
                } catch let error as IOError where [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode) {
                    // A kernel without IPv6.
                    listener = try await bind(host: "0.0.0.0")
                }
            } else {
                listener = try await bind(host: listen.host)
            }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .addressInUse(listen)
        } catch let error as IOError where error.errnoCode == EACCES {
            throw .permissionDenied(listen)
        } catch let error as IOError {
            throw .cannotListen(listen, reason: String(cString: strerror(error.errnoCode)))
        } catch {
            throw .cannotListen(listen, reason: "\(error)")
        }
        state.withLock { $0.listener = listener }
    }

    /// Where the server listens, with the port that the kernel chose; nil before `start` and after `shutdown`.
    public var boundAddress: ListenAddress? {
        guard let address = state.withLock({ $0.listener })?.localAddress, let host = address.ipAddress,
            let port = address.port
        else { return nil }
        return ListenAddress(host: host, port: port)
    }

    public var statistics: Statistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.connections = state.children.count
            return statistics
        }
    }

    /// Stops listening, closes idle connections, and gives responses on their way `Limits.shutdown` to end.
    public func shutdown() async {
        let (listener, children) = state.withLock { state in
            state.isShuttingDown = true
            defer { state.listener = nil }
            return (state.listener, Array(state.children.values))
        }
        try? await listener?.close()
        for child in children { child.pipeline.fireUserInboundEventTriggered(MetricsHandler.Drain()) }
        let clock = ContinuousClock()
        let deadline = clock.now + limits.shutdown
        while clock.now < deadline, state.withLock({ !$0.children.isEmpty }) {
            do { try await clock.sleep(for: .milliseconds(10)) } catch { break }
        }
        for child in state.withLock({ Array($0.children.values) }) { try? await child.close() }
    }

    private func bind(host: String) async throws -> any Channel {
        try await ServerBootstrap(group: ExportLoop.group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                // Waits when the process has no descriptor left, instead of spinning.
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard self.admit(channel) else { throw ChannelError.inputClosed }
                    let connection = ConnectionState()
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(RequestLimitHandler(server: self, connection: connection))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(MetricsHandler(server: self, connection: connection))
                }
            }
            .bind(host: host, port: listen.port)
            .get()
    }

    /// Counts a connection in, until it closes. False if there are too many; the caller closes it.
    private func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let admitted = state.withLock { state in
            if state.isShuttingDown { return false }
            if state.children.count >= limits.connections {
                state.statistics.refusedConnections += 1
                return false
            }
            state.children[id] = channel
            return true
        }
        if admitted {
            channel.closeFuture.whenComplete { _ in
                self.state.withLock { _ = $0.children.removeValue(forKey: id) }
            }
        }
        return admitted
    }

    var ready: Bool { isReady() }

    /// A page of what the source says now.
    func page(format: TextFormat, coding: ContentCoding) async throws -> ByteBuffer {
        try await renderer.render(await source.snapshot(), format: format, coding: coding)
    }

    /// Takes one of the places for pages; `endPage` gives it back.
    func beginPage() -> Bool {
        state.withLock { state in
            if state.pagesInFlight >= limits.pages {
                state.statistics.refusedPages += 1
                return false
            }
            state.pagesInFlight += 1
            return true
        }
    }

    func endPage(sent: Bool) {
        state.withLock { state in
            state.pagesInFlight -= 1
            if sent { state.statistics.pages += 1 }
        }
    }

    func countTimeout() { state.withLock { $0.statistics.timeouts += 1 } }

    func countRefusedRequest() { state.withLock { $0.statistics.refusedRequests += 1 } }
}
