import Foundation
import Metrics
import TestSupport
import Testing

/// Random snapshots against a model that is simple enough to be right.
///
/// MARTLET_SERIES_ROUNDS makes it longer, MARTLET_SERIES_SEED repeats one run.
@Suite struct SeriesTableModelTests {
    private struct Key: Hashable {
        let family: MetricFamily
        let container: String
        let name: Int

        var labels: LabelSet {
            LabelSet((container.isEmpty ? [] : [("container_id", container)]) + [("destination", "\(name)")])
        }

        init(_ family: MetricFamily, _ container: String, _ name: Int) {
            (self.family, self.container, self.name) = (family, container, name)
        }

        init(_ family: MetricFamily, _ labels: LabelSet) {
            self.init(family, labels["container_id"] ?? "", Int(labels["destination"] ?? "") ?? -1)
        }
    }

    private static let families: [MetricFamily] = [
        .containerNetTcpBytesSentTotal, .containerNetTcpActiveConnections, .containerInfo,
    ]
    private static let rounds =
        ProcessInfo.processInfo.environment["MARTLET_SERIES_ROUNDS"].flatMap { Int($0) } ?? 60
    private static let seed =
        ProcessInfo.processInfo.environment["MARTLET_SERIES_SEED"].flatMap { UInt64($0) }

    /// What the table must have done with each snapshot, without limits.
    @Test func withoutLimitsItIsAnExactModel() {
        for round in 0..<Self.rounds {
            let seed = Self.seed ?? UInt64(round)
            var random = SeededGenerator(seed)
            var table = SeriesTable()
            // What is known: of the last snapshot, and what the receiver has but was not told the end of.
            var known: [Key: (value: Double, created: Int64)] = [:]
            var sent: Set<Key> = []
            var time: Int64 = 1_000_000
            var sets: [Key: LabelSet] = [:]
            for step in 0..<40 {
                let isPush = Bool.random(using: &random)
                let before = time
                time += Int64.random(in: 1...5000, using: &random)
                var keys = Set(known.keys.filter { _ in Int.random(in: 0..<5, using: &random) > 0 })
                for _ in 0..<Int.random(in: 0..<30, using: &random) { keys.insert(Self.randomKey(&random)) }
                var expected: [Key: (value: Double, created: Int64)] = [:]
                var snapshot = MetricsSnapshot(timestamp: time)
                for key in keys.shuffled(using: &random) {
                    let value = Double(Int.random(in: 0..<100, using: &random))
                    snapshot.since = Int64.random(in: 0..<before, using: &random)
                    var created = snapshot.since
                    if let old = known[key] { created = value < old.value ? before + 1 : old.created }
                    expected[key] = (value, key.family.type == .counter ? created : 0)
                    // Sometimes the very set of before, sometimes an equal one.
                    let set = Bool.random(using: &random) ? sets[key] ?? key.labels : key.labels
                    sets[key] = set
                    snapshot.add(key.family, set, value)
                }
                table.begin(timestamp: time, now: UInt64(time) * 1_000_000)
                table.admit(&snapshot)
                table.end(&snapshot, marksEnded: isPush)
                var got: [Key: (value: Double, created: Int64)] = [:]
                var ended: Set<Key> = []
                for family in snapshot.families {
                    for sample in snapshot[family] {
                        let key = Key(family, sample.labels)
                        if StaleMarker.isMarker(sample.value) {
                            #expect(ended.insert(key).inserted)
                        } else {
                            #expect(got.updateValue((sample.value, sample.created), forKey: key) == nil)
                        }
                    }
                }
                for key in sent where !isPush && expected[key] == nil {
                    known[key].map { expected[key] = $0 }
                    got[key] = known[key]
                }
                let shouldEnd = isPush ? sent.subtracting(keys) : []
                guard ended == shouldEnd, got.count == expected.count, table.count == expected.count,
                    got.allSatisfy({ key, one in expected[key].map { $0 == one } ?? false })
                else {
                    Issue.record("seed \(seed), step \(step)")
                    return
                }
                if isPush { sent = keys }
                known = expected
            }
        }
    }

    /// What must be true whatever comes, with limits.
    @Test func limitsAreKeptAndNothingIsLostUncounted() {
        for round in 0..<Self.rounds {
            let seed = Self.seed ?? UInt64(round)
            var random = SeededGenerator(seed)
            let limits = SeriesLimits(
                perContainer: Int.random(in: 1...60, using: &random), perAgent: Int.random(in: 1...120, using: &random))
            var table = SeriesTable(limits: limits)
            var universe: Set<Key> = []
            var sent: Set<Key> = []
            var leftOut: UInt64 = 0
            for step in 1..<60 {
                if Int.random(in: 0..<12, using: &random) == 0 { universe = [] }
                for key in universe where Int.random(in: 0..<6, using: &random) == 0 { universe.remove(key) }
                let burst = Int.random(in: 0..<8, using: &random) == 0 ? 200 : 20
                for _ in 0..<Int.random(in: 0..<burst, using: &random) { universe.insert(Self.randomKey(&random)) }
                let node = Key(.nodeUptimeSeconds, "", 0)
                universe.insert(node)

                var snapshot = MetricsSnapshot(timestamp: Int64(step) * 1000)
                for key in universe.shuffled(using: &random) {
                    snapshot.add(key.family, key.labels, Double(Int.random(in: 0..<3, using: &random)))
                }
                let isPush = Int.random(in: 0..<3, using: &random) > 0
                table.begin(timestamp: snapshot.timestamp, now: UInt64(step) * 1_000_000_000)
                table.admit(&snapshot)
                table.end(&snapshot, marksEnded: isPush)

                var shown: Set<Key> = []
                var ended: Set<Key> = []
                for family in snapshot.families {
                    for sample in snapshot[family] {
                        let key = Key(family, sample.labels)
                        if StaleMarker.isMarker(sample.value) { ended.insert(key) } else { shown.insert(key) }
                    }
                }
                leftOut += UInt64(universe.count - shown.count)
                let counts = Dictionary(grouping: shown.filter { !$0.container.isEmpty }, by: \.container)
                    .mapValues(\.count)
                let held = table.statistics.heldByContainer + table.statistics.heldByAgent
                let counted = table.statistics.leftOutByContainer + table.statistics.leftOutByAgent
                let isRight =
                    shown.isSubset(of: universe) && shown.contains(node)
                    && ended == (isPush ? sent.subtracting(shown) : [])
                    && counts.values.allSatisfy { $0 <= limits.perContainer }
                    && counts.values.reduce(0, +) <= limits.perAgent
                    && held == universe.count - shown.count && counted == leftOut
                    && table.count <= 3 * limits.perAgent + sent.count + 1
                guard isRight else {
                    Issue.record("seed \(seed), step \(step), \(limits)")
                    return
                }
                if isPush { sent = shown }
            }
        }
    }

    /// A container below its share loses nothing, whatever the others do.
    @Test func whoIsSmallLosesNothing() {
        for round in 0..<max(Self.rounds / 6, 1) {
            let seed = Self.seed ?? UInt64(round)
            var random = SeededGenerator(seed)
            let limits = SeriesLimits(perContainer: 50, perAgent: 200)
            var table = SeriesTable(limits: limits)
            let small = (0..<8).map { Key(.containerNetTcpBytesSentTotal, "/small", $0) }
            for step in 1..<30 {
                var keys = Set(small)
                for container in 0..<20 {
                    let count = Int.random(in: 0..<150, using: &random)
                    for name in 0..<count {
                        keys.insert(Key(.containerNetTcpActiveConnections, "/c\(container)", name + step % 3 * 100))
                    }
                }
                var snapshot = MetricsSnapshot(timestamp: Int64(step) * 1000)
                for key in keys.shuffled(using: &random) { snapshot.add(key.family, key.labels, 1) }
                table.begin(timestamp: snapshot.timestamp, now: UInt64(step) * 1_000_000_000)
                table.admit(&snapshot)
                table.end(&snapshot, marksEnded: true)
                let kept = snapshot[.containerNetTcpBytesSentTotal].count
                // The first flood fills the table before anybody knows how many share it.
                if step > 1, kept != 8 {
                    Issue.record("seed \(seed), step \(step): \(kept)")
                    return
                }
            }
        }
    }

    private static func randomKey(_ random: inout SeededGenerator) -> Key {
        let family = families[Int.random(in: 0..<families.count, using: &random)]
        return Key(family, "/c\(Int.random(in: 0..<4, using: &random))", Int.random(in: 0..<80, using: &random))
    }
}
