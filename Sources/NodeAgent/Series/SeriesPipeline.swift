import Export
import Linux
import Logging
import Metrics

/// From the series that the agent has to those that it shows and pushes: leaves out what the lists deny and what the limits
/// hold back, knows when counters began, and says in a push which series have ended (docs/series.md).
///
/// The page and the push see the same series. One snapshot is gathered after the other, so that no value goes back.
actor SeriesPipeline {
    /// The most containers and metrics of which the agent shows how many series they have.
    private static let shownLargest = 5

    private let source: any SnapshotSource
    private let filter: MetricFilter
    private let logger: Logger
    private let staleOnShutdown: Bool
    /// Takes the nanoseconds of CPU time that the table cost.
    private let spent: @Sendable (UInt64) -> Void
    private let figures: SeriesFigures
    private var table: SeriesTable
    private var isGathering = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var log = LogLimit()

    /// - Parameters:
    ///   - source: where all series come from.
    ///   - common: labels of the agent's own series.
    init(
        _ source: any SnapshotSource, common: LabelSet, filter: MetricFilter = MetricFilter(),
        limits: SeriesLimits = SeriesLimits(), staleOnShutdown: Bool = false, logger: Logger,
        spent: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) {
        self.source = source
        self.filter = filter
        self.logger = logger
        self.staleOnShutdown = staleOnShutdown
        self.spent = spent
        figures = SeriesFigures(common: common)
        table = SeriesTable(limits: limits)
    }

    /// What the page shows.
    nonisolated var page: PageSeries { PageSeries(pipeline: self) }

    /// What is pushed. For one sender: it tells which of the series have ended that the same sender was given before.
    nonisolated var push: PushSeries { PushSeries(pipeline: self) }

    func snapshot(isPush: Bool) async -> MetricsSnapshot {
        if isGathering { await withCheckedContinuation { waiting.append($0) } }
        isGathering = true
        defer {
            if waiting.isEmpty { isGathering = false } else { waiting.removeFirst().resume() }
        }
        var snapshot = await source.snapshot()
        let begin = MonotonicClock.threadCPU()
        pass(&snapshot, isPush: isPush)
        let end = MonotonicClock.threadCPU()
        spent(end > begin ? end - begin : 0)
        return snapshot
    }

    /// Stale markers for everything that was pushed last, if the user wants them at the end.
    func lastSnapshot() -> MetricsSnapshot? {
        guard staleOnShutdown else { return nil }
        return table.endAll(timestamp: Int64(MonotonicClock.wallTime() / 1_000_000))
    }

    private func pass(_ snapshot: inout MetricsSnapshot, isPush: Bool) {
        filter.apply(to: &snapshot)
        table.begin(timestamp: snapshot.timestamp, now: MonotonicClock.now())
        table.admit(&snapshot)
        var own = MetricsSnapshot(timestamp: snapshot.timestamp)
        figures.add(
            table.statistics, containers: table.largestContainers(Self.shownLargest),
            families: snapshot.largestFamilies(Self.shownLargest), to: &own)
        own.add(.martletSeries, figures.common, Double(snapshot.count + own.count + 1))
        filter.apply(to: &own)
        table.admitOwn(&own)
        snapshot.append(own)
        table.end(&snapshot, marksEnded: isPush)
        complain()
    }

    private func complain() {
        let statistics = table.statistics
        let held = statistics.heldByContainer + statistics.heldByAgent
        guard held > 0, let worst = table.worstContainer, log.admit() != nil else { return }
        let option =
            statistics.heldByAgent > statistics.heldByContainer
            ? AgentOption.maxSeries : AgentOption.maxSeriesPerContainer
        logger.warning(
            """
            \(held) series are held back by limits, \(worst.series) of them of container \(worst.id); raise \
            \(option.flag), or leave metrics out with \(AgentOption.metricDenylist.flag) (martlet-node cardinality shows \
            the largest)
            """)
    }
}
