public import Metrics

/// Where the page and remote write take their series from.
public protocol SnapshotSource: Sendable {
    /// Every series as it is now. Called at most a few times a second; must return soon, from state that is already there.
    func snapshot() async -> MetricsSnapshot

    /// Stale markers for every series that `snapshot` gave last, to be sent when nothing comes after them; nil if the receiver
    /// is not to be told.
    func lastSnapshot() async -> MetricsSnapshot?
}

extension SnapshotSource {
    public func lastSnapshot() async -> MetricsSnapshot? { nil }
}
