import CBench
import Metrics
import SwiftProtobuf
import Wire

/// Series to request bytes, without compression: Martlet with kept labels, a C loop with prepared labels, and swift-protobuf with
/// messages that exist already, in turn. C writes the very same bytes, swift-protobuf the same messages. Remote write 2.0 and OTLP
/// for information.
enum Encode {
    private static let containers = 1000
    private static let rounds = 41

    /// What a request handler of the C encoder adds up.
    private struct Sum {
        var requests = 0
        var bytes = 0
    }

    private typealias Handler = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, Int) -> Void

    private static let addUp: Handler = { context, _, count in
        guard let sum = context?.assumingMemoryBound(to: Sum.self) else { return }
        sum.pointee.requests += 1
        sum.pointee.bytes += count
    }

    private static let gather: Handler = { context, bytes, count in
        context?.assumingMemoryBound(to: [[UInt8]].self).pointee.append(
            Array(UnsafeBufferPointer(start: bytes, count: count)))
    }

    static func run() throws -> [Measurement] {
        let snapshot = DenseSnapshot(containers: containers).snapshot
        let limits = RequestLimits.standard
        let extra = DenseSnapshot.extraLabels
        let prepared = try PreparedSeries(snapshot, extra: extra)
        let capacity = limits.bytes + 65_536
        let target = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        target.initialize(repeating: 0, count: capacity)
        defer { target.deallocate() }
        func c(_ context: UnsafeMutableRawPointer, _ handler: Handler) -> Int {
            bench_encode(
                prepared.families, prepared.families.count, snapshot.timestamp, target, capacity, limits.samples,
                limits.bytes, handler, context)
        }

        // The same bytes, request by request.
        var martlet = MetricsEncoder(.remoteWrite, extraLabels: extra, limits: limits)
        var buffer = WireBuffer()
        var ours: [[UInt8]] = []
        martlet.encode(snapshot, into: &buffer) { request, _ in
            let bytes = request.bytes
            ours.append(bytes.withUnsafeBytes { Array($0) })
        }
        var theirs: [[UInt8]] = []
        let encoded = withUnsafeMutablePointer(to: &theirs) { c($0, gather) }
        guard encoded == snapshot.count, ours == theirs else {
            throw BenchmarkError("C wrote other bytes: \(theirs.map(\.count)) instead of \(ours.map(\.count))")
        }
        let messages = try ours.map { try Prometheus_WriteRequest(serializedBytes: $0) }
        let bytes = ours.reduce(0) { $0 + $1.count }
        // swift-protobuf leaves out values that are 0.
        let messageBytes = try messages.reduce(0) { $0 + (try $1.serializedBytes() as [UInt8]).count }
        guard messageBytes <= bytes, Double(messageBytes) > 0.95 * Double(bytes) else {
            throw BenchmarkError("swift-protobuf writes \(messageBytes) bytes, Martlet \(bytes)")
        }
        ours = []
        theirs = []

        var (cTimes, martletTimes, protobufTimes) = ([Double](), [Double](), [Double]())
        var allocations = UInt64.max
        for round in -5..<rounds {
            var sum = Sum()
            func runC() throws -> Double {
                let (cost, samples) = Timing.measure { withUnsafeMutablePointer(to: &sum) { c($0, addUp) } }
                guard samples == snapshot.count, sum.bytes == bytes else { throw BenchmarkError("C: \(samples)") }
                return cost.nanoseconds
            }
            func runMartlet() throws -> Timing.Cost {
                var total = 0
                let cost = Timing.measure {
                    martlet.encode(snapshot, into: &buffer) { request, _ in total += request.count }
                }.cost
                guard total == bytes else { throw BenchmarkError("\(total) bytes instead of \(bytes)") }
                return cost
            }
            // Who goes first changes from round to round.
            let (c, ours): (Double, Timing.Cost)
            if round.isMultiple(of: 2) {
                c = try runC()
                ours = try runMartlet()
            } else {
                ours = try runMartlet()
                c = try runC()
            }
            if round < 0 { continue }
            cTimes.append(c)
            martletTimes.append(ours.nanoseconds)
            allocations = min(allocations, ours.allocations)
            // Dearer by far, so fewer rounds.
            if !round.isMultiple(of: 4) { continue }
            let (cost, written) = try Timing.measure {
                try messages.reduce(0) { $0 + (try $1.serializedBytes() as [UInt8]).count }
            }
            guard written == messageBytes else { throw BenchmarkError("swift-protobuf wrote \(written) bytes") }
            protobufTimes.append(cost.nanoseconds / ours.nanoseconds)
        }
        let count = Double(snapshot.count)
        var results = [
            Measurement("samples", count),
            Measurement("bytes_per_sample", Double(bytes) / count),
            Measurement("c", Statistics.median(cTimes) / count, "ns/sample"),
            Measurement("martlet", Statistics.median(martletTimes) / count, "ns/sample"),
            Measurement("speed_against_c", Statistics.ratio(cTimes, martletTimes)),
            Measurement("speed_against_swift_protobuf", Statistics.median(protobufTimes)),
            Measurement("allocations_per_encode", Double(allocations)),
            Measurement("allocations_per_sample", Double(allocations) / count),
        ]
        for other in [MetricsProtocol.remoteWrite2, .otlp] {
            results += try measure(other, extra)
        }
        return results
    }

    /// A label set keeps the bytes of one protocol, so another one gets label sets of its own.
    private static func measure(_ metricsProtocol: MetricsProtocol, _ extra: LabelSet) throws -> [Measurement] {
        let snapshot = DenseSnapshot(containers: containers).snapshot
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: extra)
        var buffer = WireBuffer()
        var times = [Double]()
        var allocations = UInt64.max
        var bytes = 0
        for round in -5..<rounds {
            bytes = 0
            let cost = Timing.measure {
                encoder.encode(snapshot, into: &buffer) { request, _ in bytes += request.count }
            }.cost
            if round < 0 { continue }
            times.append(cost.nanoseconds)
            allocations = min(allocations, cost.allocations)
        }
        let name = metricsProtocol.rawValue.replacing("-", with: "_")
        let count = Double(snapshot.count)
        return [
            Measurement("\(name)", Statistics.median(times) / count, "ns/sample"),
            Measurement("\(name)_bytes_per_sample", Double(bytes) / count),
            Measurement("\(name)_allocations_per_sample", Double(allocations) / count),
        ]
    }
}
