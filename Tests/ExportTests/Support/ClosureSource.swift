import Export
import Foundation
import Metrics

/// A source made on the spot.
struct ClosureSource: SnapshotSource {
    let make: @Sendable () async -> MetricsSnapshot

    init(_ make: @escaping @Sendable () async -> MetricsSnapshot) { self.make = make }

    func snapshot() async -> MetricsSnapshot { await make() }

    /// The time now, in milliseconds since the Unix epoch.
    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// A few series of several families.
    static let small = ClosureSource {
        var snapshot = MetricsSnapshot(timestamp: now)
        snapshot.add(.nodeUptimeSeconds, .empty, 12.5)
        snapshot.add(.containerInfo, LabelSet([("container_id", "/docker/a"), ("image", "nginx:1")]), 1)
        snapshot.add(.containerRestartsTotal, LabelSet([("container_id", "/docker/a")]), 3)
        return snapshot
    }

    /// Every family of the catalogue, with values and labels that are hard to write.
    static let hard = ClosureSource {
        var snapshot = MetricsSnapshot(timestamp: now)
        let texts = [
            "plain", "line\nfeed", "quote\"d", "back\\slash", "\\n", "é☃𝄞", "", String(repeating: "x", count: 9000),
        ]
        let values = [0, 1, 0.1, 1e15, 1_763_935_990.123456, 5e-10, Double.infinity, 123_456_789_012_345_680]
        for (index, family) in MetricFamily.allCases.enumerated() {
            for (position, text) in texts.enumerated() {
                let labels = LabelSet([("container_id", "/k8s/\(index)"), ("sort", "\(position)"), ("text", text)])
                snapshot.add(family, labels, values[(index + position) % values.count])
            }
        }
        return snapshot
    }

    /// A page of about `megabytes`, more than the socket's buffers hold.
    static func large(megabytes: Int) -> ClosureSource {
        let labels = LabelSet([("text", String(repeating: "y", count: 4000))])
        return ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: now)
            for _ in 0..<(megabytes * 250) { snapshot.add(.containerInfo, labels, 1) }
            return snapshot
        }
    }
}
