public import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Wire

/// Sends a snapshot by remote write 1.0 at once and then at every interval.
///
/// Requests wait in a bounded queue in memory and leave in order, one at a time. What fails for a reason that may pass
/// (network, time-out, 429, 5xx) is sent again after a pause; what the server refuses otherwise is dropped and counted.
public actor RemoteWriteSender {
    private struct Request {
        let body: ByteBuffer
        let samples: Int
    }

    private enum Outcome {
        case sent
        /// The server will not take this request, ever.
        case rejected(String)
        /// The seconds are the server's wish.
        case failed(String, retryAfter: Int?)
    }

    /// Memory kept between snapshots.
    private static let keptBytes = 1 << 20

    private let configuration: RemoteWriteConfiguration
    private let source: any SnapshotSource
    private let logger: Logger
    private let client: HTTPClient
    private let encoder: RemoteWriteEncoder
    private let headers: HTTPHeaders
    private let counters = Mutex(RemoteWriteStatistics())

    private var plain = WireBuffer()
    private var packed = WireBuffer()
    private var queue: [Request] = []
    private var gathering: Task<Void, Never>?
    private var sending: Task<Void, Never>?
    private var pause: Task<Void, Never>?
    private var isStopping = false
    private var isStopped = false
    /// True while the first request of the queue is on its way.
    private var isPosting = false
    private var isFailing = false
    private var failureLog = LogLimit()
    private var rejectionLog = LogLimit()
    private var overflowLog = LogLimit()
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// Prepares sending; reads the CA file. Throws if TLS cannot be set up or the API key is malformed.
    public init(
        _ configuration: RemoteWriteConfiguration, source: any SnapshotSource, logger: Logger
    ) throws(RemoteWriteError) {
        self.configuration = configuration
        self.source = source
        self.logger = logger
        encoder = RemoteWriteEncoder(
            extraLabels: configuration.extraLabels, samplesPerRequest: configuration.samplesPerRequest)
        var headers: HTTPHeaders = [
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
            "User-Agent": configuration.userAgent,
        ]
        if let key = configuration.apiKey, !key.isEmpty {
            guard key.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), key.first != " ", key.last != " " else {
                throw .malformedAPIKey
            }
            headers.add(name: "X-Api-Key", value: key)
        }
        self.headers = headers
        var tls: NIOSSLContext?
        if configuration.endpoint.isTLS {
            do {
                tls = try TLSContext.make(
                    caFile: configuration.caFile, skipsVerification: configuration.skipsVerification)
            } catch {
                throw .tls(error)
            }
        }
        client = HTTPClient(endpoint: configuration.endpoint, tls: tls, timeout: configuration.timeout)
        (wake, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// What was done so far.
    public nonisolated var statistics: RemoteWriteStatistics { counters.withLock { $0 } }

    /// Starts with a snapshot taken now. Further calls do nothing.
    public func start() {
        guard gathering == nil, !isStopping else { return }
        gathering = Task {
            let clock = ContinuousClock()
            let interval = max(configuration.interval, .milliseconds(1))
            var next = clock.now
            while !Task.isCancelled {
                await gather()
                // A snapshot that took longer than the interval does not make the next ones come in a burst.
                repeat { next += interval } while next < clock.now
                do { try await clock.sleep(until: next) } catch { return }
            }
        }
        sending = Task { await send() }
    }

    /// Takes a last snapshot and tries once to send all that waits, for at most `timeout`; then drops it.
    public func shutdown(timeout: Duration) async {
        guard !isStopping else { return }
        isStopping = true
        gathering?.cancel()
        pause?.cancel()
        let (done, finished) = AsyncStream.makeStream(of: Void.self)
        let flush = Task {
            if let gathering {
                await gathering.value
                await gather()
            }
            waker.finish()
            await sending?.value
            finished.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: timeout)
            finished.finish()
        }
        for await _ in done {}
        timer.cancel()
        flush.cancel()
        sending?.cancel()
        waker.finish()
        isStopped = true
        while !queue.isEmpty { drop(at: 0) }
        await client.close()
    }

    /// Encodes a snapshot and queues its requests.
    private func gather() async {
        let snapshot = await source.snapshot()
        do {
            try encoder.encode(snapshot, into: &plain) { (request, samples) throws(CompressionError) in
                packed.removeAll()
                try Snappy.compress(request, into: &packed)
                enqueue(Request(body: ByteBuffer(copying: packed), samples: samples))
            }
        } catch {
            count { $0.droppedSamples += UInt64(snapshot.count) }
            logger.error("remote write gave up a snapshot of \(snapshot.count) samples: \(error)")
        }
        plain.removeAll(keepingAtMost: Self.keptBytes)
        packed.removeAll(keepingAtMost: Self.keptBytes)
    }

    private func enqueue(_ request: Request) {
        queue.append(request)
        while queue.count > max(1, configuration.queueLimit) {
            // What became of the request on its way is known only later.
            drop(at: isPosting ? 1 : 0)
            if let held = overflowLog.admit() {
                logger.warning(
                    """
                    remote write to \(configuration.endpoint) is behind: dropped the oldest of \(queue.count + 1) \
                    waiting requests\(Self.note(held))
                    """)
            }
        }
        count { $0.queuedRequests = queue.count }
        waker.yield()
    }

    private func drop(at index: Int) {
        let request = queue.remove(at: index)
        count {
            $0.droppedRequests += 1
            $0.droppedSamples += UInt64(request.samples)
            $0.queuedRequests = queue.count
        }
    }

    /// Empties the queue whenever something is in it, until the sender stops.
    private func send() async {
        var nextPause = configuration.shortestPause
        for await _ in wake {
            while let request = queue.first {
                isPosting = true
                let outcome = await post(request)
                isPosting = false
                if isStopped { return }
                switch outcome {
                case .sent:
                    queue.removeFirst()
                    count {
                        $0.sentRequests += 1
                        $0.sentSamples += UInt64(request.samples)
                        $0.queuedRequests = queue.count
                    }
                    nextPause = configuration.shortestPause
                    if isFailing {
                        isFailing = false
                        logger.info("remote write to \(configuration.endpoint) works again")
                    }
                case .rejected(let reason):
                    queue.removeFirst()
                    count {
                        $0.rejectedRequests += 1
                        $0.droppedSamples += UInt64(request.samples)
                        $0.queuedRequests = queue.count
                    }
                    if let held = rejectionLog.admit() {
                        logger.error(
                            """
                            remote write to \(configuration.endpoint) refused, dropped \(request.samples) samples: \
                            \(reason)\(Self.note(held))
                            """)
                    }
                case .failed(let reason, let retryAfter):
                    isFailing = true
                    count { $0.failedRequests += 1 }
                    if let held = failureLog.admit() {
                        logger.warning(
                            """
                            remote write to \(configuration.endpoint) failed, \(queue.count) requests wait: \
                            \(reason)\(Self.note(held))
                            """)
                    }
                    if isStopping || Task.isCancelled { return }
                    // Agents that lost the same server must not come back in step.
                    var wait = nextPause * Double.random(in: 0.8...1.2)
                    if let retryAfter {
                        wait = max(wait, min(.seconds(max(0, retryAfter)), configuration.longestPause))
                    }
                    nextPause = min(nextPause * 2, configuration.longestPause)
                    let pause = Task<Void, Never> { try? await Task.sleep(for: wait) }
                    self.pause = pause
                    await pause.value
                    self.pause = nil
                }
            }
        }
    }

    private func post(_ request: Request) async -> Outcome {
        do {
            let response = try await client.post(request.body, headers: headers)
            let words = response.reason.isEmpty ? "" : ": \(response.reason)"
            let answer = "the server answered \(response.status)\(words)"
            return switch response.status {
            case 200..<300: .sent
            case 429, 500...: .failed(answer, retryAfter: response.retryAfter)
            default: .rejected(answer)
            }
        } catch {
            return .failed(NetworkFailure.text(error), retryAfter: nil)
        }
    }

    private func count(_ change: (inout RemoteWriteStatistics) -> Void) {
        counters.withLock { change(&$0) }
    }

    private static func note(_ held: Int) -> String {
        held == 0 ? "" : " (\(held) more in the last minute)"
    }
}
