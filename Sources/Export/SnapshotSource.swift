public import Metrics

/// Where the page and remote write take their series from.
public protocol SnapshotSource: Sendable {
    /// Every series as it is now. Called at most a few times a second; must return soon, from state that is already there.
    func snapshot() async -> MetricsSnapshot
}
