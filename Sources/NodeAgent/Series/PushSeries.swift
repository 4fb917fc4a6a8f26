import Export
import Metrics

/// The series of the push, with stale markers.
struct PushSeries: SnapshotSource {
    let pipeline: SeriesPipeline

    func snapshot() async -> MetricsSnapshot { await pipeline.snapshot(isPush: true) }

    func lastSnapshot() async -> MetricsSnapshot? { await pipeline.lastSnapshot() }
}
