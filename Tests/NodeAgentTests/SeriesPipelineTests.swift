import Export
import Logging
import Metrics
import Synchronization
import Testing

@testable import NodeAgent

/// What the page and the push get of one source.
@Suite struct SeriesPipelineTests {
    /// Hands out what a test put in.
    private final class Source: SnapshotSource {
        private let destinations = Mutex<[String]>([])
        private let count = Mutex<Int64>(0)
        private let running = Mutex<(now: Int, most: Int)>((0, 0))

        func set(_ names: [String]) { destinations.withLock { $0 = names } }
        var mostAtOnce: Int { running.withLock { $0.most } }

        func snapshot() async -> MetricsSnapshot {
            running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await Task.yield()
            defer { running.withLock { $0.now -= 1 } }
            let step = count.withLock {
                $0 += 1
                return $0
            }
            var snapshot = MetricsSnapshot(timestamp: 1_000_000 + step)
            snapshot.add(.up, .empty, 1)
            snapshot.add(.nodeUptimeSeconds, .empty, Double(step))
            for name in destinations.withLock(\.self) {
                let labels = LabelSet([("container_id", "/a"), ("destination", name)])
                snapshot.add(.containerNetTcpBytesSentTotal, labels, Double(step))
            }
            return snapshot
        }
    }

    private let source = Source()

    private func pipeline(
        _ filter: MetricFilter = MetricFilter(), _ limits: SeriesLimits = SeriesLimits(), staleOnShutdown: Bool = false,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) -> SeriesPipeline {
        let sink = LogSink(
            perSecond: .infinity, burst: 1, output: { log(String(decoding: $0, as: UTF8.self)) })
        return SeriesPipeline(
            source, common: LabelSet([("machine_id", "m")]), filter: filter, limits: limits,
            staleOnShutdown: staleOnShutdown,
            logger: Logger(label: "test") { _ in AgentLogHandler(sink: sink, level: .warning) })
    }

    private func markers(_ snapshot: MetricsSnapshot) -> Int {
        snapshot.families.flatMap { snapshot[$0] }.count { StaleMarker.isMarker($0.value) }
    }

    private func value(_ snapshot: MetricsSnapshot, _ family: MetricFamily, _ label: LabelSet.Pair) -> Double? {
        snapshot[family].first { $0.labels[label.name] == label.value }?.value
    }

    @Test func pageAndPushShowTheSame() async {
        let pipeline = pipeline(MetricFilter(deny: ["node_*"]))
        source.set(["x"])
        for snapshot in [await pipeline.page.snapshot(), await pipeline.push.snapshot()] {
            #expect(snapshot[.nodeUptimeSeconds].isEmpty)
            #expect(snapshot[.containerNetTcpBytesSentTotal].count == 1)
            #expect(snapshot[.up].count == 1)
            #expect(snapshot[.martletSeries].map(\.value) == [Double(snapshot.count)])
        }
    }

    @Test func thePageHasNoMarkers() async {
        let pipeline = pipeline()
        source.set(["x", "y"])
        _ = await pipeline.push.snapshot()
        source.set(["x"])
        #expect(markers(await pipeline.page.snapshot()) == 0)
        #expect(markers(await pipeline.push.snapshot()) == 1)
        #expect(markers(await pipeline.push.snapshot()) == 0)
    }

    @Test func ownFiguresCanBeDenied() async {
        let pipeline = pipeline(MetricFilter(deny: ["martlet_*"]))
        source.set(["x"])
        _ = await pipeline.push.snapshot()
        let snapshot = await pipeline.push.snapshot()
        #expect(snapshot.families == [.up, .nodeUptimeSeconds, .containerNetTcpBytesSentTotal])
        #expect(markers(snapshot) == 0)
    }

    @Test func limitsAreCountedAndLogged() async {
        let captured = Captured()
        let pipeline = pipeline(MetricFilter(), SeriesLimits(perContainer: 3)) { captured.add($0) }
        source.set((0..<10).map { "\($0)" })
        let first = await pipeline.push.snapshot()
        #expect(value(first, .martletSeriesHeldBack, ("limit", "container")) == 7)
        #expect(value(first, .martletDroppedTotal, ("reason", "series_limit_container")) == 7)
        #expect(value(first, .martletContainerSeries, ("container_id", "/a")) == 3)
        #expect(value(first, .martletFamilySeries, ("family", "container_net_tcp_bytes_sent_total")) == 3)
        let second = await pipeline.push.snapshot()
        #expect(value(second, .martletDroppedTotal, ("reason", "series_limit_container")) == 14)
        #expect(markers(second) == 0)
        #expect(captured.lines.count == 1)
        #expect(captured.lines.first?.contains("7 series are held back by limits, 7 of them of container /a") == true)
    }

    private final class Captured: Sendable {
        private let text = Mutex<[String]>([])
        var lines: [String] { text.withLock(\.self) }
        func add(_ line: String) { text.withLock { $0.append(line) } }
    }

    @Test func theEndIsToldOnlyIfWanted() async {
        source.set(["x"])
        let silent = pipeline()
        _ = await silent.push.snapshot()
        #expect(await silent.push.lastSnapshot().map(\.count) == nil)
        let telling = pipeline(staleOnShutdown: true)
        let sent = await telling.push.snapshot()
        let end = await telling.push.lastSnapshot()
        #expect(end?.count == sent.count)
        #expect(end.map(markers) == sent.count)
        #expect(end.map { $0.timestamp > sent.timestamp } == true)
        #expect(await telling.page.lastSnapshot().map(\.count) == nil)
    }

    @Test func oneSnapshotIsGatheredAfterTheOther() async {
        let pipeline = pipeline()
        await withTaskGroup(of: Int64.self) { group in
            for index in 0..<50 {
                group.addTask { await pipeline.snapshot(isPush: index % 2 == 0).timestamp }
            }
            var seen: Set<Int64> = []
            for await time in group { seen.insert(time) }
            #expect(seen.count == 50)
        }
        #expect(source.mostAtOnce == 1)
    }
}

extension SeriesPipelineTests {
    @Test func externalLabelsAreChecked() throws {
        func labels(_ texts: String...) throws -> [String] {
            try Configuration(ConfigurationSources(flags: [.externalLabel: texts])).externalLabels.pairs
                .map { "\($0.name)=\($0.value)" }
        }
        #expect(try labels("b=1", "a=x=y", "job=mine") == ["a=x=y", "b=1", "job=mine"])
        for wrong in ["a", "=b", "a=", "1a=b", "a-b=c", "__a=b", "container_id=x", "a=\u{1}"] {
            #expect(throws: UsageError.self, "\(wrong)") { try labels(wrong) }
        }
        #expect(throws: UsageError.self) { try labels("a=1", "a=2") }
        #expect(
            #expect(throws: UsageError.self) { try labels("a") }?.description
                == "--external-label: \"a\" is not name=value; write for example --external-label=cluster=eu-1")
    }

    @Test func listsAndLimitsAreRead() throws {
        func read(_ option: AgentOption, _ texts: String...) throws -> Configuration {
            try Configuration(ConfigurationSources(flags: [option: texts]))
        }
        #expect(try read(.metricDenylist, "node_*").metricFilter.denied.contains(.nodeInfo))
        #expect(try read(.metricAllowlist, "node_*").metricFilter.denied.contains(.containerInfo))
        #expect(try read(.maxSeries, "5").seriesLimits.perAgent == 5)
        #expect(try read(.maxSeriesPerContainer, "6").seriesLimits.perContainer == 6)
        #expect(
            #expect(throws: UsageError.self) { try read(.maxSeries, "0") }?.description
                == "--max-series: the limit must be more than 0; write for example --max-series=300000")
        #expect(throws: UsageError.self) { try read(.metricDenylist, "^node") }
        let environment = ConfigurationSources(
            environment: ["EXTERNAL_LABEL": "a=1\nb=2", "METRIC_DENYLIST": "up\nnode_*"])
        #expect(try Configuration(environment).externalLabels.pairs.count == 2)
        #expect(try Configuration(environment).metricFilter.denied.contains(.up))
    }
}
