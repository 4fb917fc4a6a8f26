import Metrics
import Testing

@testable import Wire

@Suite struct TextExpositionTests {
    private func page(_ snapshot: MetricsSnapshot, _ format: TextFormat) -> String {
        var buffer = WireBuffer()
        TextExposition.encode(snapshot, format: format, into: &buffer)
        return string(buffer)
    }

    @Test func prometheusPage() {
        var snapshot = MetricsSnapshot(timestamp: 1)
        snapshot.add(.nodeUptimeSeconds, .empty, 12.5)
        snapshot.add(.nodeNetReceivedBytesTotal, LabelSet([("interface", "eth0")]), 7)
        snapshot.add(.nodeNetReceivedBytesTotal, LabelSet([("interface", "eth1")]), 1e14)
        #expect(
            page(snapshot, .prometheus004) == """
                # HELP node_uptime_seconds Time since the node booted
                # TYPE node_uptime_seconds gauge
                node_uptime_seconds 12.5
                # HELP node_net_received_bytes_total Bytes received by the interface
                # TYPE node_net_received_bytes_total counter
                node_net_received_bytes_total{interface="eth0"} 7
                node_net_received_bytes_total{interface="eth1"} 100000000000000

                """)
    }

    @Test func openMetricsPage() {
        var snapshot = MetricsSnapshot(timestamp: 1)
        snapshot.add(.nodeUptimeSeconds, .empty, .nan)
        snapshot.add(.nodeNetReceivedBytesTotal, LabelSet([("interface", "eth0")]), 7)
        #expect(
            page(snapshot, .openMetrics1) == """
                # HELP node_uptime_seconds Time since the node booted
                # TYPE node_uptime_seconds gauge
                node_uptime_seconds NaN
                # HELP node_net_received_bytes Bytes received by the interface
                # TYPE node_net_received_bytes counter
                node_net_received_bytes_total{interface="eth0"} 7
                # EOF

                """)
    }

    @Test func emptyPages() {
        #expect(page(MetricsSnapshot(timestamp: 1), .prometheus004) == "")
        #expect(page(MetricsSnapshot(timestamp: 1), .openMetrics1) == "# EOF\n")
    }

    @Test func counterWithoutTotalIsUnknownInOpenMetrics() {
        var buffer = WireBuffer()
        TextExposition.appendHeader(
            name: "odd_count", type: .counter, help: "a \"b\"\\c\nd", format: .openMetrics1, to: &buffer)
        #expect(string(buffer) == "# HELP odd_count a \\\"b\\\"\\\\c\\nd\n# TYPE odd_count unknown\n")
        buffer.removeAll()
        TextExposition.appendHeader(
            name: "odd_count", type: .counter, help: "a \"b\"\\c\nd", format: .prometheus004, to: &buffer)
        #expect(string(buffer) == "# HELP odd_count a \"b\"\\\\c\\nd\n# TYPE odd_count counter\n")
    }

    /// OpenMetrics wants names of families to be unique after `_total` is taken off.
    @Test func catalogueHasNoNameTwice() {
        var names = Set<String>()
        for family in MetricFamily.allCases {
            var name = family.name
            if family.type == .counter, name.hasSuffix("_total") { name.removeLast("_total".count) }
            #expect(names.insert(name).inserted, "\(name)")
        }
    }

    /// Whatever a container is called, its value comes back from the page unchanged and no line is broken.
    @Test func anyLabelValueReadsBack() throws {
        let pieces = [
            "\n", "\"", "\\", "\\n", "{", "}", ",", "=", " ", "\r", "\t", "\0", "ü", "☃", "𝄞", "\u{2028}", "a", "9",
            "#",
        ]
        for _ in 0..<2000 {
            let value = (0..<Int.random(in: 0...12)).map { _ in pieces.randomElement() ?? "" }.joined()
            let other = (0..<Int.random(in: 0...3)).map { _ in pieces.randomElement() ?? "" }.joined()
            var snapshot = MetricsSnapshot(timestamp: 1)
            snapshot.add(.containerInfo, LabelSet([("image", value), ("container_id", other)]), 3)
            let lines = Array(page(snapshot, .prometheus004).utf8).split(separator: UInt8(ascii: "\n"))
            #expect(lines.count == 3)
            let line = try #require(lines.last)
            let sample = try #require(ParsedSample(Array(line)))
            #expect(sample.name == "container_info")
            #expect(sample.labels == [.init(name: "container_id", value: other), .init(name: "image", value: value)])
            #expect(sample.value == 3)
        }
    }
}
