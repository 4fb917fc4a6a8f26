import Metrics
import Testing

@Suite struct MetricsSnapshotTests {
    @Test func groupsByFamily() {
        var snapshot = MetricsSnapshot(timestamp: 7)
        snapshot.add(.nodeUptimeSeconds, .empty, 1)
        var other = MetricsSnapshot(timestamp: 8)
        other.add(.up, .empty, 1)
        other.add(.nodeUptimeSeconds, .empty, 2)
        snapshot.append(other)
        #expect(snapshot.timestamp == 7)
        #expect(snapshot.count == 3)
        #expect(snapshot.families == [.up, .nodeUptimeSeconds])
        #expect(snapshot[.nodeUptimeSeconds].map(\.value) == [1, 2])
    }
}
