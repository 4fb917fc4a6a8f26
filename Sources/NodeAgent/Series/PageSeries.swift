import Export
import Metrics

/// The series of the page.
struct PageSeries: SnapshotSource {
    let pipeline: SeriesPipeline

    func snapshot() async -> MetricsSnapshot { await pipeline.snapshot(isPush: false) }
}
