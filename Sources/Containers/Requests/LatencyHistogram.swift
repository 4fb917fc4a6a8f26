internal import CEvents
internal import Metrics

/// Latencies by upper bound, as the default buckets of Prometheus' client libraries have them.
struct LatencyHistogram {
    /// Upper bounds in nanoseconds; what is longer goes into one more bucket. The kernel side has the same
    /// (bpf/answers.bpf.h).
    static let bounds: [UInt64] = [
        5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000,
        2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]
    static let boundTexts = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]

    private(set) var buckets = InlineArray<12, UInt64>(repeating: 0)
    private(set) var nanoseconds: UInt64 = 0
    /// Made when it is first shown.
    private var labels: [LabelSet] = []

    var count: UInt64 {
        var total: UInt64 = 0
        for index in 0..<12 { total &+= buckets[index] }
        return total
    }

    mutating func add(_ duration: UInt64) {
        var bucket = 0
        while bucket < Self.bounds.count, duration > Self.bounds[bucket] { bucket += 1 }
        buckets[bucket] &+= 1
        nanoseconds &+= duration
    }

    /// Adds what the kernel counted.
    mutating func add(_ row: martlet_http_counts) {
        withUnsafeBytes(of: row.buckets) { counts in
            for index in 0..<12 {
                buckets[index] &+= UInt64(counts.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
            }
        }
        nanoseconds &+= row.duration_ns
    }

    mutating func add(_ other: LatencyHistogram) {
        for index in 0..<12 { buckets[index] &+= other.buckets[index] }
        nanoseconds &+= other.nanoseconds
    }

    mutating func forgetLabels() { labels = [] }

    /// - Parameter first: the family of the buckets; sum and count follow it.
    mutating func emit(into snapshot: inout MetricsSnapshot, _ families: RequestFamilies.Histogram, _ set: LabelSet) {
        let total = count
        if total == 0 { return }
        if labels.isEmpty { labels = Self.boundTexts.map { set.adding([("le", $0)]) } }
        var cumulative: UInt64 = 0
        for index in 0..<12 {
            cumulative &+= buckets[index]
            snapshot.add(families.bucket, labels[index], Double(cumulative))
        }
        snapshot.add(families.sum, set, Double(nanoseconds) / 1e9)
        snapshot.add(families.count, set, Double(total))
    }
}
