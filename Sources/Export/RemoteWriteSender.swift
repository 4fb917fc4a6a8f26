public import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOSSL
public import Spool
import Synchronization
import Wire

/// Sends a snapshot by remote write 1.0 at once and then at every interval.
///
/// Requests leave in order, one at a time. What fails for a reason that may pass (network, time-out, 429, 5xx) is sent
/// again after a pause; what the server refuses otherwise is dropped and counted.
///
/// Requests wait in a bounded queue in memory. As soon as one fails, or the queue is full, all that wait move to the spool
/// on disk, and so does what comes, until the spool is empty again. Without a spool, or where it takes nothing more (the
/// disk is full), the oldest requests in memory give way.
///
/// Invariant: `current` is older than what is in the spool, and that is older than what is in `queue`. A current request
/// without a sequence means that the spool is empty.
public actor RemoteWriteSender {
    private struct Request {
        let body: ByteBuffer
        let samples: Int
        /// Its record in the spool, if it has one.
        var sequence: UInt64?
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
    private let spool: Spool?
    private var encoder: MetricsEncoder
    private let headers: HTTPHeaders
    private let counters = Mutex(RemoteWriteStatistics())

    private var plain = WireBuffer()
    private var packed = WireBuffer()
    private var queue: [Request] = []
    /// The request on its way.
    private var current: Request?
    /// Whether the spool may hold something.
    private var isSpooling: Bool
    /// Whether requests are moving to the spool.
    private var isSpilling = false
    private var gathering: Task<Void, Never>?
    private var sending: Task<Void, Never>?
    private var pause: Task<Void, Never>?
    private var isStopping = false
    private var isStopped = false
    private var isFailing = false
    private var failureLog = LogLimit()
    private var rejectionLog = LogLimit()
    private var overflowLog = LogLimit()
    private var spoolLog = LogLimit()
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// Prepares sending; reads the CA file. Throws if TLS cannot be set up or the API key is malformed. What `spool` holds
    /// is sent first.
    public init(
        _ configuration: RemoteWriteConfiguration, source: any SnapshotSource, spool: Spool? = nil, logger: Logger
    ) throws(RemoteWriteError) {
        self.configuration = configuration
        self.spool = spool
        isSpooling = spool.map { !$0.isEmptyAtStart } ?? false
        self.source = source
        self.logger = logger
        encoder = MetricsEncoder(
            .remoteWrite, extraLabels: configuration.extraLabels,
            limits: RequestLimits(samples: configuration.samplesPerRequest))
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
        if isSpooling { waker.yield() }
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

    /// Takes a last snapshot and tries once to send all that waits, for at most `timeout`; the rest stays in the spool, or
    /// is dropped where there is none.
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
        await client.close()
        await sending?.value
        await spill()
        try? await spool?.synchronize()
        if let current, current.sequence == nil { countDropped(current) }
        while !queue.isEmpty { countDropped(queue.removeFirst()) }
    }

    /// Encodes a snapshot and queues its requests.
    private func gather() async {
        let snapshot = await source.snapshot()
        count { $0.snapshots += 1 }
        do {
            try encoder.encode(snapshot, into: &plain) { (request, samples) throws(CompressionError) in
                packed.removeAll()
                try Snappy.compress(request, into: &packed)
                queue.append(Request(body: ByteBuffer(copying: packed), samples: samples))
            }
        } catch {
            count { $0.droppedSamples += UInt64(snapshot.count) }
            logger.error("remote write gave up a snapshot of \(snapshot.count) samples: \(error)")
        }
        plain.removeAll(keepingAtMost: Self.keptBytes)
        packed.removeAll(keepingAtMost: Self.keptBytes)
        if isFailing || isSpooling || isFull { await spill() }
        dropOverflow()
        count { $0.queuedRequests = queue.count }
        waker.yield()
    }

    /// Moves everything that waits in memory to the spool, oldest first.
    private func spill() async {
        guard let spool, !isSpilling else { return }
        isSpilling = true
        defer {
            isSpilling = false
            count { $0.queuedRequests = queue.count }
        }
        do throws(SpoolError) {
            if let request = current, request.sequence == nil {
                isSpooling = true
                let sequence = try await spool.append(Array(request.body.readableBytesView), items: request.samples)
                if current == nil {
                    // It arrived meanwhile.
                    try await spool.acknowledge(sequence)
                } else {
                    current?.sequence = sequence
                }
            }
            while let request = queue.first {
                isSpooling = true
                queue.removeFirst()
                do throws(SpoolError) {
                    _ = try await spool.append(Array(request.body.readableBytesView), items: request.samples)
                } catch {
                    queue.insert(request, at: 0)
                    throw error
                }
            }
        } catch {
            count { $0.failedSpoolWrites += 1 }
            if let held = spoolLog.admit() {
                logger.error(
                    "the spool takes nothing, requests wait in memory: \(error)\(Self.note(held))")
            }
        }
    }

    private var isFull: Bool {
        let onItsWay = current != nil && current?.sequence == nil ? 1 : 0
        return queue.count + onItsWay > max(1, configuration.queueLimit)
    }

    /// The queue in memory is bounded, whatever becomes of the spool.
    private func dropOverflow() {
        var dropped = 0
        while isFull, !queue.isEmpty {
            countDropped(queue.removeFirst())
            dropped += 1
        }
        guard dropped > 0, let held = overflowLog.admit() else { return }
        logger.warning(
            """
            remote write to \(configuration.endpoint) is behind: dropped the oldest of \
            \(queue.count + dropped) waiting requests\(Self.note(held))
            """)
    }

    private func countDropped(_ request: Request) {
        count {
            $0.droppedRequests += 1
            $0.droppedSamples += UInt64(request.samples)
            $0.queuedRequests = queue.count
        }
    }

    /// The oldest request that waits.
    private func next() async -> Request? {
        if let spool, isSpooling || isSpilling {
            do throws(SpoolError) {
                if let record = try await spool.peek() {
                    return Request(
                        body: ByteBuffer(bytes: record.payload), samples: Int(record.items), sequence: record.sequence)
                }
                // Whoever moves requests there wakes this task afterwards.
                if isSpilling { return nil }
                isSpooling = false
            } catch {
                count { $0.failedSpoolReads += 1 }
                if let held = spoolLog.admit() {
                    logger.error("the spool cannot be read, requests in memory go first: \(error)\(Self.note(held))")
                }
            }
        }
        return queue.isEmpty ? nil : queue.removeFirst()
    }

    /// The current request is done with, one way or the other.
    private func finish() async {
        guard let request = current else { return }
        current = nil
        guard let spool, let sequence = request.sequence else { return }
        do throws(SpoolError) {
            try await spool.acknowledge(sequence)
        } catch {
            count { $0.failedSpoolWrites += 1 }
            if let held = spoolLog.admit() {
                logger.warning("what was sent may be sent again after a restart: \(error)\(Self.note(held))")
            }
        }
    }

    /// Sends whenever something waits, until the sender stops.
    private func send() async {
        var nextPause = configuration.shortestPause
        for await _ in wake {
            while !isStopped {
                if current == nil { current = await next() }
                guard let request = current else { break }
                count { $0.queuedRequests = queue.count + 1 }
                let outcome = await post(request)
                if isStopped, case .failed = outcome { return }
                switch outcome {
                case .sent:
                    await finish()
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
                    await finish()
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
                    await spill()
                    if let held = failureLog.admit() {
                        logger.warning(
                            """
                            remote write to \(configuration.endpoint) failed, \
                            \(isSpooling ? "requests wait on disk" : "\(queue.count + 1) requests wait"): \
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
