import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
public import Spool
import Synchronization
import Wire

/// One endpoint: what waits for it, and the connections to it.
///
/// Requests without a series in common leave side by side, the others in order. What fails for a reason that may pass
/// (network, time-out, 429, 5xx) is sent again after a pause, one request at a time until one arrives; what the server refuses
/// for its form is made over and sent again; what it refuses otherwise is dropped and counted.
///
/// Requests wait in a bounded queue in memory. As soon as one fails, or the queue is full, all that wait move to the spool
/// on disk, and so does what comes, until the spool is empty again. Without a spool, or where it takes nothing more (the
/// disk is full), the oldest requests in memory give way.
///
/// Invariants: everything in `window` is older than what was not yet taken from the spool, and that is older than what is in
/// `queue`. A request in `window` without a sequence means that nothing is left to be taken. Sequences ascend in `window`, and
/// only a prefix that is done with is acknowledged.
public actor Destination {
    private enum State { case waiting, sending, done }

    private struct Entry {
        let id: UInt64
        var request: PushRequest
        var state = State.waiting
        /// Entries with the same number are parts of one request, which is on its way to the spool as a whole.
        var origin: UInt64
    }

    /// Host and port, with the path where that does not tell endpoints apart; the label `endpoint` of the agent's metrics.
    public nonisolated let name: String
    /// Nil where requests wait in memory only.
    public nonisolated let spool: Spool?

    private let endpoint: Endpoint
    private let configuration: DeliveryConfiguration
    private let logger: Logger
    private let counters = Mutex(PushStatistics())

    private var dialect: Dialect
    private var packer = Packer()
    private var sizeLimit = SizeLimit()
    /// `sizeLimit.bytes`, for others.
    private let largestRequest = Atomic<Int>(.max)
    private var idle: [HTTPClient]
    private let clients: [HTTPClient]

    private var queue: [PushRequest] = []
    /// Requests of the last snapshot.
    private var batch = 0
    /// On its way from the queue to the spool.
    private var moving: PushRequest?
    /// Items that were enqueued so far, or lost before.
    private var enqueued: UInt64 = 0
    /// Requests that are next, oldest first.
    private var window: [Entry] = []
    private var lastID: UInt64 = 0
    private var sending: [UInt64: Task<Void, Never>] = [:]
    /// Whether the spool may hold something that was not taken.
    private var isSpooling: Bool
    /// Whether requests are moving to the spool.
    private var isSpilling = false
    /// Changes with every record that is appended, so that a look into the spool knows whether it is still true.
    private var appends = 0
    /// The origin of the entry of `window` that is on its way to the spool.
    private var moved: UInt64?
    /// Records up to this one were in `window` before they were in the spool.
    private var heldThrough: UInt64 = 0
    private var pumping: Task<Void, Never>?
    private var pumpsAgain = false
    private var pause: Task<Void, Never>?
    private var nextPause: Duration
    private var isFailing = false
    private var isStopping = false
    private var isStopped = false
    /// Whether a request failed after `isStopping`.
    private var gaveUp = false
    /// Tells `shutdown` that nothing more can be done.
    private var finished: AsyncStream<Void>.Continuation?
    private var logs = PushLogs()

    /// Throws if TLS cannot be set up. What `spool` holds is sent first.
    init(
        _ endpoint: Endpoint, name: String, _ configuration: DeliveryConfiguration, spool: Spool?, logger: Logger
    ) throws(PushError) {
        self.endpoint = endpoint
        self.name = name
        self.configuration = configuration
        self.spool = spool
        self.logger = logger
        isSpooling = spool.map { !$0.isEmptyAtStart } ?? false
        dialect = Dialect(configuration.format, configuration.compression)
        nextPause = configuration.shortestPause
        var tls: NIOSSLContext?
        if HTTPClient.needsTLS(endpoint, configuration.transport) {
            do { tls = try TLSContext.make(configuration.transport) } catch { throw .tls(error) }
        }
        let context = tls
        clients = (0..<max(1, configuration.connections)).map { _ in
            HTTPClient(endpoint: endpoint, transport: configuration.transport, tls: context)
        }
        idle = clients
    }

    /// What was done so far.
    public nonisolated var statistics: PushStatistics { counters.withLock { $0 } }

    /// The form of the next requests.
    var packaging: Packaging { dialect.packaging() }

    /// Bytes before compression that the receiver takes in one request, as far as it showed; `Int.max` if it takes any.
    nonisolated var requestBytes: Int { largestRequest.load(ordering: .relaxed) }

    /// Sends what a former agent left.
    func start() { pump() }

    /// Whether more may come without anything being dropped: of what can wait at its source.
    nonisolated var hasRoom: Bool {
        let statistics = statistics
        guard statistics.heldRequests < max(1, configuration.queueLimit / 2) else { return false }
        guard let spool else { return true }
        return spool.hasRoom(for: statistics.heldBytes)
    }

    /// Takes the requests of one snapshot, or those of one batch.
    func enqueue(_ requests: [PushRequest]) async {
        sizeLimit.expire()
        largestRequest.store(sizeLimit.bytes, ordering: .relaxed)
        queue += requests
        batch = requests.count
        if let last = requests.last { enqueued = last.position + UInt64(last.samples) }
        if isFailing || isSpooling || isFull { await spill() }
        dropOverflow()
        publish()
        pump()
    }

    /// Items for which there was no room in front of the queue.
    nonisolated func lose(overflow items: Int) {
        count {
            $0.droppedRequests += 1
            $0.losses.overflow += UInt64(items)
        }
    }

    /// Samples that could not even be encoded.
    func lose(malformed samples: Int) {
        count { $0.losses.malformed += UInt64(samples) }
    }

    /// Tries once to send all that waits, until `deadline`; the rest stays in the spool, or is dropped where there is none.
    func shutdown(until deadline: ContinuousClock.Instant) async {
        guard !isStopping else { return }
        isStopping = true
        let (done, finished) = AsyncStream.makeStream(of: Void.self)
        self.finished = finished
        let timer = Task {
            try? await Task.sleep(until: deadline)
            finished.finish()
        }
        pause?.cancel()
        pump()
        for await _ in done {}
        timer.cancel()
        isStopped = true
        pause?.cancel()
        for task in sending.values { task.cancel() }
        for client in clients { await client.close() }
        for task in sending.values { await task.value }
        await pumping?.value
        await spill()
        try? await spool?.synchronize()
        for entry in window where entry.state != .done && entry.request.sequence == nil {
            drop(entry.request, \.shutdown)
        }
        window.removeAll()
        while !queue.isEmpty { drop(queue.removeFirst(), \.shutdown) }
        publish()
    }

    // MARK: The queue in memory and the spool

    /// Moves everything that waits in memory to the spool, oldest first.
    private func spill() async {
        guard let spool, !isSpilling else { return }
        isSpilling = true
        defer {
            isSpilling = false
            publish()
            pump()
        }
        do throws(SpoolError) {
            while let entry = window.first(where: { $0.state != .done && $0.request.sequence == nil }) {
                try await move(entry, to: spool)
            }
            while let request = queue.first {
                queue.removeFirst()
                moving = request
                defer { moving = nil }
                do throws(SpoolError) {
                    _ = try await append(request, to: spool)
                } catch {
                    queue.insert(request, at: 0)
                    throw error
                }
            }
        } catch {
            count { $0.failedSpoolWrites += 1 }
            if let held = logs.spool.admit() {
                logger.error("the spool takes nothing, requests wait in memory: \(error)\(PushLogs.note(held))")
            }
        }
    }

    /// Moves an entry of `window` to the spool, in which it stays what it is when it is cut in two meanwhile.
    private func move(_ entry: Entry, to spool: Spool) async throws(SpoolError) {
        moved = entry.origin
        defer { moved = nil }
        let sequence: UInt64
        do throws(SpoolError) {
            sequence = try await append(entry.request, to: spool, isHeld: true)
        } catch {
            for index in window.indices where window[index].origin == entry.origin {
                window[index].origin = window[index].id
            }
            throw error
        }
        heldThrough = sequence
        var isHere = false
        for index in window.indices where window[index].origin == entry.origin {
            window[index].request.sequence = sequence
            isHere = true
        }
        if isHere {
            await advance()
        } else {
            // It arrived meanwhile, and all before it.
            try await spool.acknowledge(sequence)
        }
    }

    /// `isHeld`: it is in `window`; that its place in the spool gives way loses nothing then.
    private func append(
        _ request: PushRequest, to spool: Spool, isHeld: Bool = false
    ) async throws(SpoolError) -> UInt64 {
        isSpooling = true
        defer { appends += 1 }
        return try await spool.append(
            Array(request.body.readableBytesView), items: request.samples,
            kind: RecordKind(packaging: request.packaging, shard: request.shard).number, isHeld: isHeld)
    }

    private var isFull: Bool {
        let onTheirWay = window.count { $0.state != .done && $0.request.sequence == nil }
        return queue.count + onTheirWay > max(1, configuration.queueLimit, 2 * batch)
    }

    /// The queue in memory is bounded, whatever becomes of the spool.
    private func dropOverflow() {
        var dropped = 0
        while isFull, !queue.isEmpty {
            drop(queue.removeFirst(), \.overflow)
            dropped += 1
        }
        guard dropped > 0, let held = logs.overflow.admit() else { return }
        logger.warning(
            """
            pushing to \(endpoint) is behind: dropped the oldest of \(queue.count + dropped) waiting \
            requests\(PushLogs.note(held))
            """)
    }

    private func drop(_ request: PushRequest, _ reason: any WritableKeyPath<PushLosses, UInt64> & Sendable) {
        count {
            $0.droppedRequests += 1
            $0.losses[keyPath: reason] += UInt64(request.samples)
        }
    }

    // MARK: What is next

    /// Has everything sent that may be sent now.
    private func pump() {
        pumpsAgain = true
        guard pumping == nil, !isStopped else { return }
        pumping = Task {
            while pumpsAgain, !isStopped {
                pumpsAgain = false
                guard pause == nil, !gaveUp else { break }
                await fill()
                startSending()
            }
            pumping = nil
            if isIdle || gaveUp && sending.isEmpty { finished?.finish() }
        }
    }

    private var isIdle: Bool {
        window.isEmpty && queue.isEmpty && !isSpooling && !isSpilling && sending.isEmpty
    }

    /// Takes from the spool, or from memory if that is empty, until there is something for every connection.
    private func fill() async {
        while window.count < clients.count + 2, !isStopped {
            if let spool, isSpooling || isSpilling {
                let before = appends
                do throws(SpoolError) {
                    if let record = try await spool.takeNext() {
                        if record.sequence > heldThrough { add(record) }
                        continue
                    }
                    if appends != before { continue }
                    // Whoever moves requests there pumps afterwards.
                    if isSpilling { return }
                    isSpooling = false
                } catch {
                    count { $0.failedSpoolReads += 1 }
                    if let held = logs.spool.admit() {
                        logger.error(
                            "the spool cannot be read, requests in memory go first: \(error)\(PushLogs.note(held))")
                    }
                }
            }
            guard !queue.isEmpty else { return }
            add(queue.removeFirst())
        }
    }

    private func add(_ record: SpoolRecord) {
        guard let kind = RecordKind(record.kind) else {
            count { $0.losses.malformed += UInt64(record.items) }
            if let held = logs.rejection.admit() {
                logger.error(
                    "dropped a request of a later version of the agent from the spool\(PushLogs.note(held))")
            }
            // Acknowledged with the next one.
            return
        }
        add(
            PushRequest(
                body: ByteBuffer(bytes: record.payload), samples: Int(record.items), packaging: kind.packaging,
                shard: kind.shard, sequence: record.sequence))
    }

    private func add(_ request: PushRequest) {
        lastID += 1
        window.append(Entry(id: lastID, request: request, origin: lastID))
    }

    private func startSending() {
        // A server that is down, or comes back, hears one request at a time.
        let limit = isFailing ? 1 : clients.count
        for index in window.indices where window[index].state == .waiting {
            guard sending.count < limit, let client = idle.last else { return }
            let entry = window[index]
            let waits = window[..<index].contains {
                $0.state != .done && $0.request.sharesSeries(with: entry.request)
            }
            if waits { continue }
            idle.removeLast()
            window[index].state = .sending
            sending[entry.id] = Task {
                let verdict = await post(entry.request, client)
                idle.append(client)
                await finish(entry.id, entry.request, verdict)
                sending[entry.id] = nil
                pump()
            }
        }
        publish()
    }

    private func post(_ request: PushRequest, _ client: HTTPClient) async -> Verdict {
        do {
            let response = try await client.post(
                request.body, headers: PushHeaders.make(request.packaging, configuration.transport))
            if (200..<300).contains(response.status) {
                dialect.accepted(request.packaging, isVictoriaMetrics: response.isVictoriaMetrics)
            }
            return Verdict.of(response, to: request.packaging, samples: request.samples)
        } catch {
            return .failed(NetworkFailure.text(error), retryAfter: nil)
        }
    }

    // MARK: What became of it

    private func finish(_ id: UInt64, _ request: PushRequest, _ verdict: Verdict) async {
        guard let index = window.firstIndex(where: { $0.id == id }) else { return }
        switch verdict {
        case .taken(let missing, let reason):
            window[index].state = .done
            taken(request, missing: missing, reason)
        case .otherForm(let isUnsupported, let reason):
            if let repacked = repack(request, isUnsupported, reason) {
                var repacked = repacked
                repacked.sequence = window[index].request.sequence
                repacked.position = window[index].request.position
                window[index].request = repacked
                window[index].state = .waiting
                return
            }
            window[index].state = .done
            refused(request, reason)
        case .tooLarge(let reason):
            if let halves = halve(window[index], reason) {
                window.replaceSubrange(index...index, with: halves)
                publish()
                return
            }
            window[index].state = .done
            refused(request, reason)
        case .refused(let reason):
            window[index].state = .done
            refused(request, reason)
        case .failed(let reason, let retryAfter):
            window[index].state = .waiting
            if isStopped { return }
            await failed(reason, retryAfter)
            return
        }
        await advance()
        publish()
    }

    private func taken(_ request: PushRequest, missing: Int, _ reason: String) {
        count {
            $0.sentRequests += 1
            $0.sentBytes += UInt64(request.body.readableBytes)
            $0.sentSamples += UInt64(request.samples - missing)
            $0.losses.notStored += UInt64(missing)
        }
        sizeLimit.taken(request.plainBytes)
        largestRequest.store(sizeLimit.bytes, ordering: .relaxed)
        nextPause = configuration.shortestPause
        if isFailing {
            isFailing = false
            logger.info("pushing to \(endpoint) works again")
        }
        if missing > 0, let held = logs.rejection.admit() {
            let words = reason.isEmpty ? "it does not say why" : reason
            logger.error(
                "\(endpoint) did not store \(missing) of \(request.samples) \(configuration.signal.items): \(words)\(PushLogs.note(held))"
            )
        }
    }

    private func refused(_ request: PushRequest, _ reason: String) {
        count {
            $0.rejectedRequests += 1
            $0.losses.refused += UInt64(request.samples)
        }
        if let held = logs.rejection.admit() {
            logger.error(
                "\(endpoint) refused a request, dropped \(request.samples) \(configuration.signal.items): \(reason)\(PushLogs.note(held))"
            )
        }
    }

    /// The request in a form that the server may take; nil if there is none.
    private func repack(_ request: PushRequest, _ isUnsupported: Bool, _ reason: String) -> PushRequest? {
        let before = dialect.packaging()
        guard let other = dialect.refused(request.packaging, isUnsupported: isUnsupported) else { return nil }
        do {
            let repacked = try packer.repack(request, as: other)
            count { $0.repackedRequests += 1 }
            if dialect.packaging() != before {
                logger.info(
                    "\(endpoint) does not take \(request.packaging), it gets \(other) from now on: \(reason)")
            }
            return repacked
        } catch {
            logger.error("a request to \(endpoint) cannot be made over: \(error)")
            return nil
        }
    }

    /// The two halves of a request that is too large; nil if it has only one item. Both belong to its record in the spool.
    private func halve(_ entry: Entry, _ reason: String) -> [Entry]? {
        do {
            let (plainBytes, halves) = try packer.halve(entry.request)
            guard let halves else { return nil }
            count { $0.halvedRequests += 1 }
            sizeLimit.refused(plainBytes)
            largestRequest.store(sizeLimit.bytes, ordering: .relaxed)
            if let held = logs.size.admit() {
                logger.info(
                    """
                    \(endpoint) finds a request of \(entry.request.body.readableBytes) bytes too large, it gets it in two: \
                    \(reason)\(PushLogs.note(held))
                    """)
            }
            return [halves.first, halves.second].map { half in
                lastID += 1
                return Entry(id: lastID, request: half, origin: moved == entry.origin ? entry.origin : lastID)
            }
        } catch {
            logger.error("a request to \(endpoint) cannot be cut in two: \(error)")
            return nil
        }
    }

    private func failed(_ reason: String, _ retryAfter: Int?) async {
        isFailing = true
        count { $0.failedRequests += 1 }
        await spill()
        if let held = logs.failure.admit() {
            let waiting = queue.count + window.count { $0.state != .done }
            logger.warning(
                """
                pushing to \(endpoint) failed, \(isSpooling ? "requests wait on disk" : "\(waiting) requests wait"): \
                \(reason)\(PushLogs.note(held))
                """)
        }
        if isStopping {
            // No second try.
            gaveUp = true
            return
        }
        guard pause == nil else { return }
        // Agents that lost the same server must not come back in step.
        var wait = nextPause * Double.random(in: 0.8...1.2)
        if let retryAfter {
            wait = max(wait, min(.seconds(max(0, retryAfter)), configuration.longestPause))
        }
        nextPause = min(nextPause * 2, configuration.longestPause)
        let length = wait
        pause = Task {
            try? await Task.sleep(for: length)
            pause = nil
            pump()
        }
    }

    /// Forgets the oldest requests that are done with, and has the spool forget them.
    private func advance() async {
        var last: UInt64?
        while let entry = window.first, entry.state == .done {
            window.removeFirst()
            // A record of which a part is left is not done with.
            if let sequence = entry.request.sequence, window.first?.request.sequence != sequence { last = sequence }
        }
        guard let spool, let last else { return }
        do throws(SpoolError) {
            try await spool.acknowledge(last)
        } catch {
            count { $0.failedSpoolWrites += 1 }
            if let held = logs.spool.admit() {
                logger.warning("what was sent may be sent again after a restart: \(error)\(PushLogs.note(held))")
            }
        }
    }

    private func publish() {
        let waiting = queue.count + window.count { $0.state != .done }
        // What is not on disk; all of it is newer than what is.
        let held =
            window.filter { $0.state != .done && $0.request.sequence == nil }.map(\.request)
            + (moving.map { [$0] } ?? []) + queue
        let settled = held.first?.position ?? enqueued
        count {
            $0.queuedRequests = waiting
            $0.heldRequests = held.count
            $0.heldBytes = held.reduce(0) { $0 + $1.body.readableBytes }
            $0.settledItems = max($0.settledItems, settled)
        }
    }

    private nonisolated func count(_ change: (inout PushStatistics) -> Void) {
        counters.withLock { change(&$0) }
    }
}
