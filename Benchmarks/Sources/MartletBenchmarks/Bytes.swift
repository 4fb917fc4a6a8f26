import Metrics
import Wire

/// What a sample costs on the wire, on the series of a real node over several scrapes (Tests/WireTests/Recordings), by protocol and
/// compression; and what compressing it costs.
enum Bytes {
    private static let rounds = 15
    private static let levels: [Int32] = [-1, 1, 2, 3, 5]

    static func run() throws -> [Measurement] {
        var results: [Measurement] = []
        for metricsProtocol in MetricsProtocol.allCases {
            results += try measure(metricsProtocol)
        }
        return results
    }

    private static func measure(_ metricsProtocol: MetricsProtocol) throws -> [Measurement] {
        // A label set keeps the bytes of one protocol, so each reads the recording anew.
        let path = "\(#filePath)".replacing(
            "Benchmarks/Sources/MartletBenchmarks/Bytes.swift", with: "Tests/WireTests/Recordings/node.txt")
        let snapshots = try Recording(path: path).snapshots
        let samples = snapshots.reduce(0) { $0 + $1.count }
        guard samples > 10_000 else { throw BenchmarkError("the recording in \(path) has \(samples) samples") }
        let count = Double(samples)
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: DenseSnapshot.extraLabels)
        var buffer = WireBuffer()
        var packed = WireBuffer()
        let name = metricsProtocol.rawValue.replacing("-", with: "_")
        var results: [Measurement] = []

        var plain = 0
        for snapshot in snapshots { encoder.encode(snapshot, into: &buffer) { request, _ in plain += request.count } }
        results.append(Measurement("\(name)_bytes_per_sample", Double(plain) / count))

        func cost(
            _ suffix: String, _ compress: (borrowing WireBuffer, inout WireBuffer) throws(CompressionError) -> Void
        ) throws {
            var times: [Double] = []
            var bytes = 0
            var allocations: UInt64 = 0
            for round in -1..<rounds {
                var nanoseconds = 0.0
                bytes = 0
                allocations = 0
                for snapshot in snapshots {
                    try encoder.encode(snapshot, into: &buffer) { (request, _) throws(CompressionError) in
                        packed.removeAll()
                        let cost = try Timing.measure { () throws(CompressionError) in
                            try compress(request, &packed)
                        }.cost
                        nanoseconds += cost.nanoseconds
                        allocations += cost.allocations
                        bytes += packed.count
                    }
                }
                if round >= 0 { times.append(nanoseconds) }
            }
            results.append(Measurement("\(name)_\(suffix)_bytes_per_sample", Double(bytes) / count))
            results.append(Measurement("\(name)_\(suffix)", Statistics.median(times) / count, "ns/sample"))
            if suffix.hasPrefix("zstd") {
                results.append(Measurement("\(name)_\(suffix)_allocations", Double(allocations)))
            }
        }
        try cost("snappy") { (request, packed) throws(CompressionError) in
            try Snappy.compress(request, into: &packed)
        }
        for level in levels {
            var compressor = ZstdCompressor(level: level)
            let isDefault = level == ZstdCompressor.defaultLevel
            try cost(isDefault ? "zstd" : "zstd_level_\(level < 0 ? "minus_" : "")\(level.magnitude)") {
                (request, packed) throws(CompressionError) in
                try compressor.compress(request, into: &packed)
            }
        }
        return results
    }
}
