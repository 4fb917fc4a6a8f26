import CBench
import Metrics
import SwiftProtobuf

/// The series of a snapshot as the C encoder wants them: everything but samples and lengths of series prepared.
final class PreparedSeries {
    private(set) var families: [bench_family] = []
    private var owned: [UnsafeMutableRawPointer] = []

    init(_ snapshot: MetricsSnapshot, extra: LabelSet) throws {
        // As in the agent, families share the labels of a container.
        var prepared: [ObjectIdentifier: UnsafePointer<bench_labels>] = [:]
        for family in snapshot.families {
            let samples = snapshot[family]
            let series = UnsafeMutablePointer<bench_series>.allocate(capacity: samples.count)
            owned.append(UnsafeMutableRawPointer(series))
            for (index, sample) in samples.enumerated() {
                let key = ObjectIdentifier(sample.labels)
                let labels = try prepared[key] ?? block(sample.labels, extra)
                prepared[key] = labels
                series[index] = bench_series(labels: labels, value: sample.value)
            }
            let name = copy(try Self.field(("__name__", family.name)))
            var metadata = Prometheus_WriteRequest()
            metadata.metadata = [
                .with {
                    $0.type = family.type == .counter ? .counter : .gauge
                    $0.metricFamilyName = family.name
                    $0.help = family.help
                    $0.unit = family.unit
                }
            ]
            let description = copy(try metadata.serializedBytes())
            families.append(
                bench_family(
                    name: name.start, name_count: name.count, metadata: description.start,
                    metadata_count: description.count, series: series, count: samples.count))
        }
    }

    deinit { for memory in owned { memory.deallocate() } }

    private static func field(_ pair: LabelSet.Pair) throws -> [UInt8] {
        var series = Prometheus_TimeSeries()
        series.labels = [
            .with {
                $0.name = pair.name
                $0.value = pair.value
            }
        ]
        return try series.serializedBytes()
    }

    private func block(_ labels: LabelSet, _ extra: LabelSet) throws -> UnsafePointer<bench_labels> {
        var bytes: [UInt8] = []
        var split = 0
        for pair in labels.adding(extra.pairs).pairs where !pair.value.isEmpty {
            bytes += try Self.field(pair)
            if pair.name < "__name__" { split = bytes.count }
        }
        let size = MemoryLayout<bench_labels>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + bytes.count, alignment: 8)
        owned.append(memory)
        let header = memory.bindMemory(to: bench_labels.self, capacity: 1)
        header.pointee.split = UInt32(split)
        header.pointee.count = UInt32(bytes.count)
        bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { (memory + size).copyMemory(from: start, byteCount: bytes.count) }
        }
        return UnsafePointer(header)
    }

    private func copy(_ bytes: [UInt8]) -> (start: UnsafePointer<UInt8>, count: Int) {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        memory.initialize(from: bytes, count: bytes.count)
        owned.append(UnsafeMutableRawPointer(memory))
        return (UnsafePointer(memory), bytes.count)
    }
}
