import Metrics
import Testing

@Suite struct MetricFilterTests {
    @Test(arguments: [
        ("up", "up", true), ("up", "u?", true), ("up", "?", false), ("up", "*", true), ("up", "*p*", true),
        ("up", "u", false), ("up", "upp", false), ("up", "UP", false), ("up", "", false), ("up", "**u**p**", true),
        ("container_net_tcp_bytes_sent_total", "container_net_*", true),
        ("container_net_tcp_bytes_sent_total", "*_bytes_*_total", true),
        ("container_net_tcp_bytes_sent_total", "*_bytes_*_total_", false),
        ("container_net_tcp_bytes_sent_total", "net", false), ("aab", "*ab", true), ("abab", "a*ab", true),
    ])
    func globs(name: String, pattern: String, isMatch: Bool) {
        #expect(MetricFilter.matches(name, pattern) == isMatch)
    }

    @Test func starsCostNoMoreThanASquare() {
        let name = String(repeating: "a", count: 100)
        #expect(!MetricFilter.matches(name, String(repeating: "a*", count: 127) + "b"))
    }

    @Test func denyWinsOverAllow() {
        let filter = MetricFilter(allow: ["container_*", "node_info"], deny: ["container_net_*"])
        #expect(!filter.denied.contains(.containerInfo))
        #expect(!filter.denied.contains(.nodeInfo))
        #expect(filter.denied.contains(.containerNetLatencySeconds))
        #expect(filter.denied.contains(.nodeUptimeSeconds))
        #expect(filter.denied.contains(.martletSeries))
        #expect(filter.unmatched == [])
    }

    @Test func emptyListsLeaveNothingOut() {
        #expect(MetricFilter().denied == [])
    }

    @Test func upStaysUnlessItIsNamed() {
        #expect(!MetricFilter(allow: ["container_*"]).denied.contains(.up))
        #expect(!MetricFilter(deny: ["*"]).denied.contains(.up))
        #expect(MetricFilter(deny: ["up"]).denied == [.up])
    }

    @Test func patternsThatMatchNothingAreTold() {
        #expect(
            MetricFilter(allow: ["node_*", "nope"], deny: ["container_foo*"]).unmatched == ["nope", "container_foo*"])
    }

    @Test(arguments: [("node_*", true), ("a:b?", true), ("", false), ("a b", false), ("a|b", false), ("^a", false)])
    func patterns(text: String, isPattern: Bool) {
        #expect(MetricFilter.isPattern(text) == isPattern)
    }

    @Test func takesFamiliesOutOfASnapshot() {
        var snapshot = MetricsSnapshot(timestamp: 1)
        snapshot.add(.nodeInfo, .empty, 1)
        snapshot.add(.martletSeries, .empty, 1)
        MetricFilter(deny: ["martlet_*"]).apply(to: &snapshot)
        #expect(snapshot.families == [.nodeInfo])
    }
}
