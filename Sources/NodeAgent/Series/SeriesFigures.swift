import Linux
import Metrics

/// The agent's own series about its series. Label sets are made once.
struct SeriesFigures: Sendable {
    let common: LabelSet
    private let heldByContainer: LabelSet
    private let heldByAgent: LabelSet
    private let leftOutByContainer: LabelSet
    private let leftOutByAgent: LabelSet
    private let duplicates: LabelSet
    private let collisions: LabelSet
    private let families: [LabelSet]
    /// When the figures began to count, in milliseconds since the Unix epoch.
    private let start = Int64(MonotonicClock.wallTime() / 1_000_000)

    init(common: LabelSet) {
        self.common = common
        heldByContainer = common.adding([("limit", "container")])
        heldByAgent = common.adding([("limit", "agent")])
        leftOutByContainer = common.adding([("reason", "series_limit_container")])
        leftOutByAgent = common.adding([("reason", "series_limit_agent")])
        duplicates = common.adding([("reason", "series_duplicate")])
        collisions = common.adding([("reason", "series_hash_full")])
        families = MetricFamily.allCases.map { common.adding([("family", $0.name)]) }
    }

    func add(
        _ statistics: SeriesStatistics, containers: [(id: String, series: Int)],
        families: [(family: MetricFamily, series: Int)], to snapshot: inout MetricsSnapshot
    ) {
        snapshot.since = start
        snapshot.add(.martletSeriesHeldBack, heldByContainer, Double(statistics.heldByContainer))
        snapshot.add(.martletSeriesHeldBack, heldByAgent, Double(statistics.heldByAgent))
        snapshot.add(.martletDroppedTotal, leftOutByContainer, Double(statistics.leftOutByContainer))
        snapshot.add(.martletDroppedTotal, leftOutByAgent, Double(statistics.leftOutByAgent))
        snapshot.add(.martletDroppedTotal, duplicates, Double(statistics.duplicates))
        snapshot.add(.martletDroppedTotal, collisions, Double(statistics.collisions))
        snapshot.add(.martletStaleMarkersTotal, common, Double(statistics.staleMarkers))
        for container in containers {
            let labels = common.adding([("container_id", container.id)])
            snapshot.add(.martletContainerSeries, labels, Double(container.series))
        }
        for (family, series) in families {
            snapshot.add(.martletFamilySeries, self.families[Int(family.rawValue)], Double(series))
        }
    }
}

extension MetricsSnapshot {
    /// The metrics with the most series, the largest first.
    func largestFamilies(_ count: Int) -> [(family: MetricFamily, series: Int)] {
        let sized = families.map { (family: $0, series: self[$0].count) }
        return Array(sized.sorted { ($0.series, $1.family.rawValue) > ($1.series, $0.family.rawValue) }.prefix(count))
    }
}
