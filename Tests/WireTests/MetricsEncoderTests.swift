import Metrics
import Synchronization
import Testing

@testable import Wire

/// What every protocol must keep: each series arrives once, as it was, in order, and no request is larger than it may be.
@Suite struct MetricsEncoderTests {
    private static let extra = LabelSet([
        ("job", "coroot-node-agent"), ("instance", "machine"), ("Region", "eu"), ("e", ""),
    ])

    /// What a receiver must see of `snapshot`, by the rules and without an encoder.
    private static func expected(
        _ snapshot: MetricsSnapshot, _ metricsProtocol: MetricsProtocol, extra: LabelSet, shard: Shard = .whole
    ) -> [SentSeries] {
        MetricFamily.allCases.flatMap { family in
            snapshot[family].filter { shard.contains(family, $0.labels) }.map { sample in
                var labels = [String: String]()
                for pair in sample.labels.pairs { labels[pair.name] = pair.value }
                for pair in extra.pairs where !pair.value.isEmpty { labels[pair.name] = pair.value }
                labels["__name__"] = nil
                let hasCreated = metricsProtocol != .remoteWrite && family.type == .counter
                return SentSeries(
                    family: family.name,
                    labels: labels.filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }.sorted(),
                    bits: sample.value.bitPattern, timestamp: snapshot.timestamp,
                    created: hasCreated ? sample.created : 0)
            }
        }
    }

    private static func requests(
        _ encoder: inout MetricsEncoder, _ snapshot: MetricsSnapshot, shard: Shard = .whole
    ) -> [(bytes: [UInt8], samples: Int)] {
        var buffer = WireBuffer()
        var all = [(bytes: [UInt8], samples: Int)]()
        encoder.encode(snapshot, shard: shard, into: &buffer) { request, samples in
            all.append((content(request), samples))
        }
        return all
    }

    @Test(arguments: MetricsProtocol.allCases)
    func whatIsDecodedIsTheSnapshot(metricsProtocol: MetricsProtocol) throws {
        for seed in 0..<60 as Range<UInt64> {
            var random = RandomSnapshot(seed: seed)
            let limits = RequestLimits(
                samples: [1, 7, 100, 10_000].randomElement(using: &random) ?? 1,
                bytes: [1, 2000, 20_000, 1 << 20].randomElement(using: &random) ?? 1)
            let extra = seed % 3 == 0 ? LabelSet.empty : Self.extra
            var encoder = MetricsEncoder(metricsProtocol, extraLabels: extra, limits: limits)
            for _ in 0..<4 {
                let snapshot = random.snapshot(series: 150)
                var decoded = [SentSeries]()
                for request in Self.requests(&encoder, snapshot) {
                    let series = try metricsProtocol.decode(request.bytes, extra: extra)
                    #expect(series.items(metricsProtocol) == request.samples && request.samples > 0)
                    #expect(request.samples <= limits.samples)
                    #expect(request.bytes.count <= limits.bytes || request.samples == 1)
                    decoded += series
                }
                let wanted = Self.expected(snapshot, metricsProtocol, extra: extra)
                #expect(
                    decoded.inOrder(of: metricsProtocol) == wanted.inOrder(of: metricsProtocol), "seed \(seed)")
            }
        }
    }

    /// Two encoders that differ in their extra labels share label sets, in which only one of them can keep bytes.
    @Test(arguments: MetricsProtocol.allCases, MetricsProtocol.allCases)
    func encodersDoNotReadEachOthersBytes(first: MetricsProtocol, second: MetricsProtocol) throws {
        var random = RandomSnapshot(seed: 42)
        let other = LabelSet([("job", "other"), ("zone", "b")])
        var one = MetricsEncoder(first, extraLabels: Self.extra, limits: RequestLimits(samples: 20))
        var two = MetricsEncoder(second, extraLabels: other, limits: RequestLimits(samples: 30))
        for _ in 0..<10 {
            let snapshot = random.snapshot(series: 100)
            let ones = try Self.requests(&one, snapshot).flatMap { try first.decode($0.bytes, extra: Self.extra) }
            let twos = try Self.requests(&two, snapshot).flatMap { try second.decode($0.bytes, extra: other) }
            let (one, two) = (
                Self.expected(snapshot, first, extra: Self.extra), Self.expected(snapshot, second, extra: other)
            )
            #expect(ones.inOrder(of: first) == one.inOrder(of: first))
            #expect(twos.inOrder(of: second) == two.inOrder(of: second))
        }
    }

    @Test(arguments: MetricsProtocol.allCases, [2, 3, 8])
    func shardsPartTheSeries(metricsProtocol: MetricsProtocol, count: Int) throws {
        var random = RandomSnapshot(seed: UInt64(count))
        let snapshot = random.snapshot(series: 5000)
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra, limits: RequestLimits(samples: 500))
        var total = 0
        var parts = [SentSeries]()
        for index in 0..<count {
            let shard = Shard(index, of: count)
            let decoded = try Self.requests(&encoder, snapshot, shard: shard).flatMap {
                try metricsProtocol.decode($0.bytes, extra: Self.extra)
            }
            let wanted = Self.expected(snapshot, metricsProtocol, extra: Self.extra, shard: shard)
            if metricsProtocol == .otlp {
                // A histogram is in one shard as a whole, which is not that of one of its series.
                #expect(decoded.filter { !$0.isPart } == wanted.filter { !$0.isPart })
                parts += decoded.filter(\.isPart)
            } else {
                #expect(decoded == wanted)
            }
            #expect(decoded.count > 0)
            total += decoded.count
        }
        #expect(total == snapshot.count)
        if metricsProtocol == .otlp {
            let wanted = Self.expected(snapshot, metricsProtocol, extra: Self.extra).filter(\.isPart)
            #expect(parts.count > 1000 && parts.inOrder(of: .otlp) == wanted.inOrder(of: .otlp))
        }
    }

    /// Equal labels in two sets are the same series: a container that is found again must not change its shard.
    @Test func shardsFollowContent() {
        for index in 0..<1000 {
            let shard = Shard(index % 4, of: 4)
            func labels() -> LabelSet { LabelSet([("container_id", "/docker/\(index)"), ("machine_id", "m")]) }
            #expect(shard.contains(.up, labels()) == shard.contains(.up, labels()))
        }
        let counts = (0..<4).map { index in
            (0..<4000).count { Shard(index, of: 4).contains(.containerInfo, LabelSet([("c", "\($0)")])) }
        }
        #expect(counts.reduce(0, +) == 4000 && counts.allSatisfy { (800...1200).contains($0) }, "\(counts)")
    }

    @Test(arguments: MetricsProtocol.allCases)
    func emptySnapshotMakesNoRequest(metricsProtocol: MetricsProtocol) {
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
        #expect(Self.requests(&encoder, MetricsSnapshot(timestamp: 1)).isEmpty)
    }

    /// A request ends before the series that would make it too large, and a series that is too large alone goes alone.
    @Test(arguments: MetricsProtocol.allCases)
    func largeSeriesGoAlone(metricsProtocol: MetricsProtocol) throws {
        let large = LabelSet((0..<5).map { ("l\($0)", String(repeating: "\($0)", count: 4096)) })
        let small = LabelSet([("a", "b")])
        var snapshot = MetricsSnapshot(timestamp: 1)
        for labels in [small, small, large, small, large, large] { snapshot.add(.containerInfo, labels, 1) }
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: .empty, limits: RequestLimits(bytes: 10_000))
        let all = Self.requests(&encoder, snapshot)
        #expect(all.map(\.samples) == [2, 1, 1, 1, 1])
        #expect(all.map { $0.bytes.count > 10_000 } == [false, true, false, true, true])
    }

    /// A failed request stops the walk, and the encoder is as good as new afterwards.
    @Test(arguments: MetricsProtocol.allCases)
    func failuresPassThrough(metricsProtocol: MetricsProtocol) throws {
        struct Refused: Error {}
        var random = RandomSnapshot(seed: 7)
        let snapshot = random.snapshot(series: 500)
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra, limits: RequestLimits(samples: 10))
        var buffer = WireBuffer()
        var calls = 0
        #expect(throws: Refused.self) {
            try encoder.encode(snapshot, into: &buffer) { _, _ in
                calls += 1
                if calls == 3 { throw Refused() }
            }
        }
        #expect(calls == 3)
        let again = try Self.requests(&encoder, snapshot).flatMap {
            try metricsProtocol.decode($0.bytes, extra: Self.extra)
        }
        let wanted = Self.expected(snapshot, metricsProtocol, extra: Self.extra)
        #expect(again.inOrder(of: metricsProtocol) == wanted.inOrder(of: metricsProtocol))
    }

    /// Many encoders meet the same new label sets at the same time, as shards do at the first scrape.
    @Test(arguments: MetricsProtocol.allCases)
    func threadsShareLabelSets(metricsProtocol: MetricsProtocol) async throws {
        for round in 0..<20 as Range<UInt64> {
            var random = RandomSnapshot(seed: round)
            let snapshot = random.snapshot(series: 400)
            let wanted = Self.expected(snapshot, metricsProtocol, extra: Self.extra).inOrder(of: metricsProtocol)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
                        return try Self.requests(&encoder, snapshot).flatMap {
                            try metricsProtocol.decode($0.bytes, extra: Self.extra)
                        }.inOrder(of: metricsProtocol) == wanted
                    }
                }
                for try await isRight in group { #expect(isRight, "round \(round)") }
            }
        }
    }
}
