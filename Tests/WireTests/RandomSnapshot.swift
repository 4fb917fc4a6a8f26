import Metrics

/// Snapshots with all that is odd: label sets that families share, upper-case names, empty, long and non-ASCII values, special
/// numbers, stale markers, series that began at an unknown time. The same for the same seed.
struct RandomSnapshot: RandomNumberGenerator {
    private var state: UInt64
    private(set) var labelSets: [LabelSet] = []

    init(seed: UInt64) { state = seed }

    // SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private static let names = [
        "A", "Zone", "_", "__meta", "__name__", "a", "container_id", "destination", "instance", "instances", "job",
        "machine_id", "z",
    ]

    private mutating func value() -> String {
        switch Int.random(in: 0..<12, using: &self) {
        case 0: return ""
        case 1: return String(repeating: "x", count: LabelSet.maximumValueLength)
        case 2: return "naïve ☃ 𝄞 \"quoted\"\\\n"
        case 3: return String(repeating: "é", count: Int.random(in: 1...200, using: &self))
        default: return "/docker/\(Int.random(in: 0..<50, using: &self))"
        }
    }

    private mutating func number() -> Double {
        switch Int.random(in: 0..<10, using: &self) {
        case 0: StaleMarker.value
        case 1: .nan
        case 2: .infinity
        case 3: -0.0
        case 4: .leastNonzeroMagnitude
        default: Double(Int.random(in: 0..<1_000_000, using: &self)) / 8
        }
    }

    /// A snapshot of up to `series` series. Some label sets are those of earlier snapshots.
    mutating func snapshot(series: Int) -> MetricsSnapshot {
        let times: [Int64] = [1, 1_763_935_990_123, 1 << 44]
        var snapshot = MetricsSnapshot(timestamp: times[Int.random(in: 0..<times.count, using: &self)])
        for _ in 0..<Int.random(in: 1...20, using: &self) {
            let chosen = Self.names.shuffled(using: &self).prefix(Int.random(in: 0...Self.names.count, using: &self))
            var pairs = [LabelSet.Pair]()
            for name in chosen { pairs.append((name, value())) }
            labelSets.append(LabelSet(pairs))
        }
        if labelSets.count > 60 { labelSets.removeFirst(30) }
        for _ in 0..<Int.random(in: 0...series, using: &self) {
            let family = Self.single[Int.random(in: 0..<Self.single.count, using: &self)]
            snapshot.since = Bool.random(using: &self) ? 0 : Int64.random(in: 1...1_763_935_990_123, using: &self)
            snapshot.add(family, labelSets[Int.random(in: 0..<labelSets.count, using: &self)], number())
        }
        for _ in 0..<Int.random(in: 0...series / 20, using: &self) { addHistogram(to: &snapshot) }
        return snapshot
    }

    private static let single = MetricFamily.allCases.filter { $0.histogramPart == nil }
    private static let histograms = MetricFamily.allCases.filter { $0.histogramPart == .bucket }
    static let bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]

    /// A whole histogram, as the agent adds one.
    private mutating func addHistogram(to snapshot: inout MetricsSnapshot) {
        let bucket = Self.histograms[Int.random(in: 0..<Self.histograms.count, using: &self)]
        guard let sum = MetricFamily(rawValue: bucket.rawValue + 1),
            let count = MetricFamily(rawValue: bucket.rawValue + 2)
        else { return }
        let set = labelSets[Int.random(in: 0..<labelSets.count, using: &self)]
        snapshot.since = Bool.random(using: &self) ? 0 : Int64.random(in: 1...1_763_935_990_123, using: &self)
        var total = 0
        for bound in Self.bounds {
            total += Int.random(in: 0..<1000, using: &self)
            snapshot.add(bucket, set.adding([("le", bound)]), Double(total))
        }
        snapshot.add(sum, set, Double(Int.random(in: 0..<1_000_000, using: &self)) / 8)
        snapshot.add(count, set, Double(total))
    }
}
