import Metrics

/// What the table of series adds to a snapshot: 2,500 containers with 26 series each, every value new in each snapshot, beside
/// a plain walk over the same samples and beside gathering them; then with a container that has far too many.
enum SeriesScenario {
    private static let containers = 2500
    private static let perContainer = 24
    private static let flood = 100_000
    private static let rounds = 31

    static func run() async throws -> [Measurement] {
        let families: [MetricFamily] = [
            .containerNetTcpSuccessfulConnectsTotal, .containerNetTcpConnectionTimeSecondsTotal,
            .containerNetTcpActiveConnections, .containerNetTcpRetransmitsTotal, .containerNetTcpBytesSentTotal,
            .containerNetTcpBytesReceivedTotal,
        ]
        let destinations = perContainer / families.count
        let sets = (0..<containers).flatMap { container in
            (0..<destinations).map { labels("/k8s/shop/pod-\(container)/main", $0) }
        }
        func snapshot(_ round: Int, flooded: [LabelSet] = []) -> MetricsSnapshot {
            var snapshot = MetricsSnapshot(timestamp: 1_700_000_000_000 + Int64(round) * 15_000)
            for set in sets { for family in families { snapshot.add(family, set, Double(round)) } }
            for set in flooded { snapshot.add(families[0], set, Double(round)) }
            return snapshot
        }

        var table = SeriesTable()
        var costs: [Timing.Cost] = []
        var walks: [Timing.Cost] = []
        var churned: [Timing.Cost] = []
        var sum = 0.0
        for round in 1...rounds + 3 {
            var snapshot = snapshot(round)
            let walk = Timing.measure {
                for family in families { for sample in snapshot[family] { sum += sample.value } }
            }.cost
            let cost = Timing.measure { pass(&table, &snapshot, round) }.cost
            guard snapshot.count == sets.count * families.count else { throw BenchmarkError("\(snapshot.count) left") }
            if round <= 3 { continue }
            walks.append(walk)
            costs.append(cost)
        }
        guard sum > 0, table.count == sets.count * families.count else { throw BenchmarkError("\(table.count) series") }
        let bytes = Double(table.bytes) / Double(table.count)

        // The same in another order: every series is looked up.
        let mixed = sets.shuffled()
        for round in 1...rounds {
            var snapshot = MetricsSnapshot(timestamp: 1_800_000_000_000 + Int64(round) * 15_000)
            for set in mixed {
                for family in families { snapshot.add(family, set, Double(round)) }
            }
            churned.append(Timing.measure { pass(&table, &snapshot, 100 + round) }.cost)
        }

        // A container over its limit.
        let flooded = (0..<flood).map { labels("/bad", $0) }
        var held: [Timing.Cost] = []
        for round in 1...rounds {
            var snapshot = snapshot(1000 + round, flooded: flooded)
            held.append(Timing.measure { pass(&table, &snapshot, 1000 + round) }.cost)
            guard table.statistics.heldByContainer == flood - table.limits.perContainer else {
                throw BenchmarkError("\(table.statistics)")
            }
        }

        let samples = Double(sets.count * families.count)
        func time(_ costs: [Timing.Cost]) -> Double { Statistics.median(costs.map(\.nanoseconds)) / samples }
        return [
            Measurement("samples", samples),
            Measurement("table", time(costs), "ns/sample"),
            Measurement("walk", time(walks), "ns/sample"),
            Measurement("table_snapshot", Statistics.median(costs.map(\.nanoseconds)) / 1e6, "ms"),
            Measurement(
                "table_allocations_per_sample", Statistics.median(costs.map { Double($0.allocations) }) / samples),
            Measurement("table_look_up", time(churned), "ns/sample"),
            Measurement("table_bytes_per_series", bytes),
            Measurement("flooded_snapshot", Statistics.median(held.map(\.nanoseconds)) / 1e6, "ms"),
        ]
    }

    private static func pass(_ table: inout SeriesTable, _ snapshot: inout MetricsSnapshot, _ round: Int) {
        table.begin(timestamp: snapshot.timestamp, now: UInt64(round) * 15_000_000_000)
        table.admit(&snapshot)
        table.end(&snapshot, marksEnded: true)
    }

    private static func labels(_ container: String, _ destination: Int) -> LabelSet {
        let address = "10.\(destination >> 16).\(destination >> 8 & 255).\(destination & 255):5432"
        return LabelSet([
            ("machine_id", "0123456789abcdef0123456789abcdef"), ("system_uuid", "01234567-89ab-cdef-0123-456789abcdef"),
            ("container_id", container), ("app_id", container), ("destination", address),
            ("actual_destination", address),
        ])
    }
}
