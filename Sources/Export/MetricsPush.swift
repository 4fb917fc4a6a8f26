public import Logging
import Metrics
public import Spool
import Synchronization
import Wire

/// Sends a snapshot to every endpoint, at once and then at every interval.
///
/// One snapshot serves all endpoints, and what they get in the same form is encoded and compressed once. From there on each
/// endpoint has its own queue, spool and connections (`Destination`): a slow one holds nobody up.
public actor MetricsPush {
    /// One encoder, for an actor that has one for each protocol in use.
    private final class Encoding {
        var encoder: MetricsEncoder

        init(_ encoder: consuming MetricsEncoder) { self.encoder = encoder }
    }

    /// Memory kept between snapshots.
    private static let keptBytes = 1 << 20

    public nonisolated let destinations: [Destination]
    /// A count that is read from elsewhere and orders nothing.
    private let taken = Atomic<UInt64>(0)
    private let configuration: PushConfiguration
    private let source: any SnapshotSource
    private let logger: Logger
    private var encodings: [MetricsProtocol: Encoding] = [:]
    private var packer = Packer()
    private var plain = WireBuffer()
    private var gathering: Task<Void, Never>?
    private var isStopping = false

    /// Prepares sending; reads certificates. Throws if TLS cannot be set up or a credential is malformed.
    /// - Parameter spools: one for each endpoint, in their order; nil where requests wait in memory only.
    public init(
        _ configuration: PushConfiguration, source: any SnapshotSource, spools: [Spool?] = [], logger: Logger
    ) throws(PushError) {
        self.configuration = configuration
        self.source = source
        self.logger = logger
        if let key = configuration.transport.apiKey, !key.isEmpty {
            guard key.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), key.first != " ", key.last != " " else {
                throw .malformedAPIKey
            }
        }
        do throws(SecretFileError) { _ = try configuration.transport.credentials.authorization() } catch {
            throw .secretFile(error)
        }
        let names = Endpoint.names(configuration.endpoints)
        var destinations: [Destination] = []
        for (index, endpoint) in configuration.endpoints.enumerated() {
            destinations.append(
                try Destination(
                    endpoint, name: names[index], configuration.delivery,
                    spool: index < spools.count ? spools[index] : nil,
                    logger: logger))
        }
        self.destinations = destinations
    }

    /// What was done so far, for all endpoints together.
    public nonisolated var statistics: PushStatistics {
        destinations.reduce(PushStatistics()) { $0 + $1.statistics }
    }

    /// Snapshots that were taken to be sent.
    public nonisolated var snapshots: UInt64 { taken.load(ordering: .relaxed) }

    /// Starts with a snapshot taken now. Further calls do nothing.
    public func start() async {
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
        for destination in destinations { await destination.start() }
    }

    /// Takes a last snapshot and has every endpoint try once to send all that waits, for at most `timeout`; the rest stays in
    /// the spools, or is dropped where there is none.
    public func shutdown(timeout: Duration) async {
        guard !isStopping else { return }
        isStopping = true
        let deadline = ContinuousClock.now + timeout
        gathering?.cancel()
        let (done, finished) = AsyncStream.makeStream(of: Void.self)
        let last = Task {
            if let gathering {
                await gathering.value
                await gather()
                if let last = await source.lastSnapshot() { await send(last) }
            }
            finished.finish()
        }
        let timer = Task {
            try? await Task.sleep(until: deadline)
            finished.finish()
        }
        for await _ in done {}
        timer.cancel()
        last.cancel()
        await withDiscardingTaskGroup { group in
            for destination in destinations { group.addTask { await destination.shutdown(until: deadline) } }
        }
    }

    private func gather() async {
        let snapshot = await source.snapshot()
        taken.add(1, ordering: .relaxed)
        await send(snapshot)
    }

    /// Encodes a snapshot for all endpoints and hands each its requests.
    private func send(_ snapshot: MetricsSnapshot) async {
        var forms: [Packaging: [Destination]] = [:]
        for destination in destinations { forms[await destination.packaging, default: []].append(destination) }
        let shards = max(1, min(configuration.maximumShards, snapshot.count / max(1, configuration.limits.samples) + 1))
        var deliveries: [(Destination, [PushRequest])] = []
        for (format, forms) in Dictionary(grouping: forms, by: \.key.format) {
            guard let metricsProtocol = format.metricsProtocol else { continue }
            do {
                // What several get is made for the one that takes least.
                let bytes = forms.flatMap(\.value).map(\.requestBytes).min() ?? .max
                let requests = try encode(snapshot, metricsProtocol, forms.map(\.key.coding), shards, bytes)
                for (packaging, destinations) in forms {
                    for destination in destinations { deliveries.append((destination, requests[packaging] ?? [])) }
                }
            } catch {
                logger.error("gave up a snapshot of \(snapshot.count) samples: \(error)")
                for destination in forms.flatMap(\.value) { await destination.lose(malformed: snapshot.count) }
            }
        }
        plain.removeAll(keepingAtMost: Self.keptBytes)
        let ready = deliveries
        await withDiscardingTaskGroup { group in
            for (destination, requests) in ready { group.addTask { await destination.enqueue(requests) } }
        }
    }

    /// The requests of a snapshot in every form of one protocol. Shards take turns, so that connections have work at once.
    private func encode(
        _ snapshot: MetricsSnapshot, _ metricsProtocol: MetricsProtocol, _ codings: [RequestCoding], _ shards: Int,
        _ bytes: Int
    ) throws(CompressionError) -> [Packaging: [PushRequest]] {
        let encoding: Encoding
        if let known = encodings[metricsProtocol] {
            encoding = known
        } else {
            encoding = Encoding(
                MetricsEncoder(metricsProtocol, extraLabels: configuration.extraLabels, limits: configuration.limits))
            encodings[metricsProtocol] = encoding
        }
        let limits = configuration.limits
        encoding.encoder.limits = RequestLimits(samples: limits.samples, bytes: min(limits.bytes, bytes))
        var lanes: [[[PushRequest]]] = []
        for index in 0..<shards {
            let shard = Shard(index, of: shards)
            var lane: [[PushRequest]] = []
            try encoding.encoder.encode(snapshot, shard: shard, into: &plain) {
                (request, samples) throws(CompressionError) in
                var forms: [PushRequest] = []
                for coding in codings {
                    forms.append(
                        PushRequest(
                            body: try packer.pack(request, coding), samples: samples,
                            packaging: Packaging(metricsProtocol: metricsProtocol, coding: coding), shard: shard,
                            plainBytes: request.count))
                }
                lane.append(forms)
            }
            lanes.append(lane)
        }
        var all: [Packaging: [PushRequest]] = [:]
        for turn in 0..<(lanes.map(\.count).max() ?? 0) {
            for lane in lanes where turn < lane.count {
                for request in lane[turn] { all[request.packaging, default: []].append(request) }
            }
        }
        return all
    }
}
