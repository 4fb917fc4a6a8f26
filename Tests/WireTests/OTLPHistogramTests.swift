import CAllocations
import Metrics
import SwiftProtobuf
import Testing

@testable import Wire

/// Histograms of OTLP whose parts are not all there, or not what they should be; whole ones are in `MetricsEncoderTests`.
@Suite struct OTLPHistogramTests {
    private static let bucket = MetricFamily.containerHttpRequestsDurationSecondsTotalBucket
    private static let sum = MetricFamily.containerHttpRequestsDurationSecondsTotalSum
    private static let count = MetricFamily.containerHttpRequestsDurationSecondsTotalCount

    private static func set(_ number: Int) -> LabelSet {
        LabelSet([("container_id", "/docker/\(number)"), ("destination", "10.0.0.\(number):80"), ("zone", "z")])
    }

    private static func add(
        _ set: LabelSet, _ buckets: [(String, Double)], sum: Double?, count: Double?, to snapshot: inout MetricsSnapshot
    ) {
        for (bound, value) in buckets { snapshot.add(Self.bucket, set.adding([("le", bound)]), value) }
        if let sum { snapshot.add(Self.sum, set, sum) }
        if let count { snapshot.add(Self.count, set, count) }
    }

    private static func points(
        _ snapshot: MetricsSnapshot, limits: RequestLimits = .standard
    ) throws -> [Opentelemetry_HistogramDataPoint] {
        var encoder = MetricsEncoder(.otlp, extraLabels: LabelSet([("job", "j")]), limits: limits)
        var buffer = WireBuffer()
        var requests: [[UInt8]] = []
        encoder.encode(snapshot, into: &buffer) { request, _ in requests.append(content(request)) }
        return try requests.flatMap { bytes in
            let request = try Opentelemetry_ExportMetricsServiceRequest(serializedBytes: bytes)
            return request.resourceMetrics[0].scopeMetrics[0].metrics.flatMap { metric in
                #expect(metric.name == "container_http_requests_duration_seconds_total" && metric.unit == "s")
                return metric.histogram.dataPoints
            }
        }
    }

    private static func name(_ point: Opentelemetry_HistogramDataPoint) -> String {
        point.attributes.first { $0.key == "container_id" }?.value.stringValue ?? ""
    }

    private static let whole: [(String, Double)] = [("0.1", 3), ("1", 3), ("2.5", 10), ("+Inf", 12)]

    @Test func aWholeOne() throws {
        var snapshot = MetricsSnapshot(timestamp: 1_700_000_000_000)
        snapshot.since = 1_600_000_000_000
        Self.add(Self.set(1), Self.whole, sum: 7.5, count: 12, to: &snapshot)
        let point = try #require(try Self.points(snapshot).first)
        #expect(point.explicitBounds == [0.1, 1, 2.5] && point.bucketCounts == [3, 0, 7, 2])
        #expect(point.count == 12 && point.sum == 7.5 && point.flags == 0)
        #expect(point.startTimeUnixNano == 1_600_000_000_000_000_000)
        #expect(point.timeUnixNano == 1_700_000_000_000_000_000)
        #expect(point.attributes.map(\.key) == ["container_id", "destination", "zone"])
    }

    /// What a limit or a list keeps away.
    @Test func partsThatAreMissing() throws {
        var snapshot = MetricsSnapshot(timestamp: 1)
        Self.add(Self.set(0), Self.whole, sum: 1, count: 12, to: &snapshot)
        // Without a bucket, without the last one, without the sum, without the count, without both.
        Self.add(Self.set(1), Array(Self.whole.dropFirst()), sum: 2, count: 12, to: &snapshot)
        Self.add(Self.set(2), Array(Self.whole.dropLast()), sum: 3, count: 12, to: &snapshot)
        Self.add(Self.set(3), Self.whole, sum: nil, count: 12, to: &snapshot)
        Self.add(Self.set(4), Self.whole, sum: 5, count: nil, to: &snapshot)
        Self.add(Self.set(5), Array(Self.whole.dropLast()), sum: nil, count: nil, to: &snapshot)
        // No bucket at all.
        Self.add(Self.set(6), [], sum: 7, count: 12, to: &snapshot)
        Self.add(Self.set(7), [], sum: nil, count: 13, to: &snapshot)
        Self.add(Self.set(8), Self.whole, sum: 9, count: 12, to: &snapshot)
        for limits in [RequestLimits.standard, RequestLimits(samples: 1), RequestLimits(bytes: 600)] {
            let points = try Self.points(snapshot, limits: limits)
            #expect(points.map(Self.name) == (0...8).map { "/docker/\($0)" })
            #expect(points.map(\.count) == [12, 12, 12, 12, 12, 10, 12, 13, 12])
            #expect(points.map { $0.hasSum ? $0.sum : -1 } == [1, 2, 3, -1, 5, -1, 7, -1, 9])
            #expect(points.map(\.explicitBounds.count) == [3, 2, 3, 3, 3, 3, 0, 0, 3])
            #expect(points.map(\.bucketCounts.count) == [4, 3, 4, 4, 4, 4, 0, 0, 4])
            #expect(points[1].bucketCounts == [3, 7, 2] && points[2].bucketCounts == [3, 0, 7, 2])
            #expect(points[5].bucketCounts == [3, 0, 7, 0])
        }
    }

    /// Lists may leave out whole families.
    @Test func familiesThatAreMissing() throws {
        var snapshot = MetricsSnapshot(timestamp: 1)
        for number in 0..<3 { Self.add(Self.set(number), Self.whole, sum: 1, count: 12, to: &snapshot) }
        var bare = snapshot
        bare.remove(Self.sum)
        bare.remove(Self.count)
        let points = try Self.points(bare)
        #expect(
            points.count == 3 && points.allSatisfy { $0.count == 12 && !$0.hasSum && $0.bucketCounts == [3, 0, 7, 2] })
        // Without buckets there is no histogram.
        snapshot.remove(Self.bucket)
        var encoder = MetricsEncoder(.otlp, extraLabels: .empty)
        var buffer = WireBuffer()
        var names: [String] = []
        try encoder.encode(snapshot, into: &buffer) { request, _ throws in
            let request = try Opentelemetry_ExportMetricsServiceRequest(serializedBytes: content(request))
            names += request.resourceMetrics[0].scopeMetrics[0].metrics.map { "\($0.name) \($0.sum.dataPoints.count)" }
        }
        #expect(names == ["\(Self.sum.name) 3", "\(Self.count.name) 3"])
    }

    /// One point says that a histogram has ended, in whatever order its series say so; a bucket that ends alone says nothing.
    @Test func ends() throws {
        var snapshot = MetricsSnapshot(timestamp: 5)
        Self.add(Self.set(0), Array(Self.whole.dropFirst()), sum: 1, count: 12, to: &snapshot)
        Self.add(Self.set(3), Self.whole, sum: 1, count: nil, to: &snapshot)
        let ended = StaleMarker.value
        // A bucket of the first, and the count of the other, gave way to a limit.
        snapshot.add(Self.bucket, Self.set(0).adding([("le", "0.1")]), ended)
        snapshot.add(Self.count, Self.set(3), ended)
        for number in [2, 1] { Self.add(Self.set(number), [], sum: ended, count: ended, to: &snapshot) }
        for number in [1, 2] {
            for (bound, _) in Self.whole.reversed() {
                snapshot.add(Self.bucket, Self.set(number).adding([("le", bound)]), ended)
            }
        }
        for limits in [RequestLimits.standard, RequestLimits(samples: 1)] {
            let points = try Self.points(snapshot, limits: limits)
            #expect(points.map(Self.name) == ["/docker/0", "/docker/3", "/docker/2", "/docker/1"])
            #expect(points.map(\.flags) == [0, 0, 1, 1] && points.map(\.count) == [12, 12, 0, 0])
            #expect(points[2].bucketCounts.isEmpty && points[2].timeUnixNano == 5_000_000)
        }
    }

    /// Values that no histogram has, such as those of a counter that wrapped.
    @Test(arguments: [-1, .nan, .infinity, 1e300, 5])
    func hostileValues(value: Double) throws {
        var snapshot = MetricsSnapshot(timestamp: 1)
        let buckets = [("0.1", 3), ("1", value), ("1", 4), ("0.5", value), ("+Inf", 2), ("x", value)]
        Self.add(Self.set(1), buckets.map { ($0.0, $0.1) }, sum: value, count: value, to: &snapshot)
        let points = try Self.points(snapshot)
        #expect(points.count >= 2)
        for point in points {
            #expect(point.bucketCounts.isEmpty || point.bucketCounts.count == point.explicitBounds.count + 1)
            #expect(point.bucketCounts.isEmpty || point.bucketCounts.reduce(0, &+) == point.count)
        }
    }

    @Test func nothingIsAllocated() {
        var snapshots: [MetricsSnapshot] = []
        let sets = (0..<500).map { Self.set($0) }
        let parts = sets.map { set in Self.whole.map { ($0.1, set.adding([("le", $0.0)])) } }
        for time in 1...3 {
            var snapshot = MetricsSnapshot(timestamp: Int64(time))
            for (set, buckets) in zip(sets, parts) {
                for (value, labels) in buckets { snapshot.add(Self.bucket, labels, value) }
                snapshot.add(Self.sum, set, 1)
                snapshot.add(Self.count, set, 12)
            }
            snapshots.append(snapshot)
        }
        var encoder = MetricsEncoder(.otlp, extraLabels: .empty)
        var buffer = WireBuffer()
        encoder.encode(snapshots[0], into: &buffer) { _, _ in }
        let before = bench_allocations()
        for snapshot in snapshots.dropFirst() { encoder.encode(snapshot, into: &buffer) { _, _ in } }
        // Some per snapshot and request in an unoptimized build; none per histogram.
        #expect(bench_allocations() - before < 64)
    }
}
