import CAllocations
import Metrics
import Testing
import Wire

/// What is counted of the cost of a push, and so can be checked on a busy machine: allocations and bytes.
@Suite struct WireCostTests {
    private static let extra = LabelSet([("job", "coroot-node-agent"), ("instance", "node-17.example.com")])

    private func recorded() throws -> [MetricsSnapshot] {
        let path = #filePath.replacing("WireCostTests.swift", with: "Recordings/node.txt")
        let snapshots = try Recording(path: path).snapshots
        #expect(snapshots.count == 8 && snapshots.allSatisfy { $0.count > 2500 })
        return snapshots
    }

    private func allocations(_ body: () throws -> Void) rethrows -> UInt64 {
        let before = bench_allocations()
        try body()
        return bench_allocations() - before
    }

    @Test func theCounterCounts() {
        final class Thing {}
        var things: [Thing] = []
        things.reserveCapacity(100)
        #expect(allocations { for _ in 0..<100 { things.append(Thing()) } } == 100)
    }

    @Test(arguments: MetricsProtocol.allCases)
    func aScrapeAllocatesNothing(metricsProtocol: MetricsProtocol) throws {
        let snapshots = try recorded()
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
        var compressor = ZstdCompressor()
        var buffer = WireBuffer()
        var packed = WireBuffer()
        func push(_ snapshot: MetricsSnapshot) throws {
            try encoder.encode(snapshot, into: &buffer) { (request, _) throws(CompressionError) in
                packed.removeAll()
                try compressor.compress(request, into: &packed)
            }
        }
        for snapshot in snapshots { try push(snapshot) }
        let made = try allocations { for snapshot in snapshots { try push(snapshot) } }
        // Some per scrape and per request, such as the list of families in an unoptimized build; none per sample.
        #expect(made < 64, "\(made) allocations for \(snapshots.reduce(0) { $0 + $1.count }) samples")
    }

    /// Bytes per sample of a recorded node, from the second scrape on as well as over all.
    @Test func bytesPerSample() throws {
        func bytes(
            _ metricsProtocol: MetricsProtocol,
            _ compress: (borrowing WireBuffer, inout WireBuffer) throws(CompressionError) -> Void
        ) throws -> Double {
            var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
            var buffer = WireBuffer()
            var packed = WireBuffer()
            var (bytes, samples) = (0, 0)
            for snapshot in try recorded() {
                try encoder.encode(snapshot, into: &buffer) { (request, count) throws(CompressionError) in
                    packed.removeAll()
                    try compress(request, &packed)
                    bytes += packed.count
                    samples += count
                }
            }
            return Double(bytes) / Double(samples)
        }
        func snappy(_ plain: borrowing WireBuffer, _ packed: inout WireBuffer) throws(CompressionError) {
            try Snappy.compress(plain, into: &packed)
        }
        func zstd(_ plain: borrowing WireBuffer, _ packed: inout WireBuffer) throws(CompressionError) {
            try Zstd.compress(plain, level: ZstdCompressor.defaultLevel, into: &packed)
        }
        let (old, new) = (try bytes(.remoteWrite, zstd), try bytes(.remoteWrite2, zstd))
        #expect(old <= 20)
        #expect(new < old)
        #expect(try bytes(.remoteWrite2, snappy) < bytes(.remoteWrite, snappy))
        #expect(try bytes(.otlp, zstd) <= 20)
    }
}
