import Metrics

/// Writes snapshots as remote write 1.0 requests (`prometheus.WriteRequest`,
/// prometheus.io/docs/specs/prw/remote_write_spec).
///
/// Labels of a series are sorted by name and contain `__name__` and the extra labels; a series' own label gives way to an
/// extra one of the same name, and labels without a value are left out. Every sample has the snapshot's timestamp. A
/// request carries the metadata of the families that begin in it.
struct RemoteWriteEncoder: RequestWriter {
    /// One label that all series of a family share, as the bytes of a `labels` field of `TimeSeries`.
    private struct Fixed: Sendable {
        let name: String
        let field: [UInt8]
    }

    /// By `MetricFamily.rawValue`: `__name__` and the extra labels, ascending by name.
    private let fixedLabels: [[Fixed]]

    init(extraLabels: LabelSet) {
        self.fixedLabels = MetricFamily.allCases.map { family in
            extraLabels.adding([("__name__", family.name)]).pairs.compactMap { pair in
                pair.value.isEmpty ? nil : Fixed(name: pair.name, field: Self.labelField(pair))
            }
        }
    }

    func begin(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {}

    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {}

    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int { buffer.count }

    func beginFamily(
        _ family: MetricFamily, isContinued: Bool, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) {
        if !isContinued { appendMetadata(family, to: &buffer) }
    }

    func bound(_ sample: borrowing MetricsSnapshot.Sample, _ family: MetricFamily) -> Int {
        let fixed = fixedLabels[Int(family.rawValue)].reduce(0) { $0 + $1.field.count }
        // Tags and lengths are at most five bytes each, three of them a label; a sample takes 22 bytes.
        let own = sample.labels.pairs.reduce(0) { $0 + 15 + $1.name.utf8.count + $1.value.utf8.count }
        return fixed + own + 64 + family.name.utf8.count + family.help.utf8.count
    }

    func append(
        _ sample: borrowing MetricsSnapshot.Sample, _ family: MetricFamily, timestamp: Int64,
        _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) {
        appendSeries(
            sample, fixedLabels[Int(family.rawValue)], timestamp: timestamp, labels: &scratch.labels, to: &buffer)
    }

    /// `WriteRequest.metadata` (field 3): type 1, metric_family_name 2, help 4.
    private func appendMetadata(_ family: MetricFamily, to buffer: inout WireBuffer) {
        let name = family.name
        let help = family.help
        let typeNumber: UInt64
        switch family.type {
        case .counter: typeNumber = 1
        case .gauge: typeNumber = 2
        }
        let length = 2 + Protobuf.fieldSize(name.utf8.count) + Protobuf.fieldSize(help.utf8.count)
        buffer.appendFieldHeader(3, length: length)
        buffer.append(Protobuf.tag(1, .varint))
        buffer.appendVarint(typeNumber)
        buffer.appendField(2, name)
        buffer.appendField(4, help)
    }

    /// `WriteRequest.timeseries` (field 1): labels 1, samples 2. Lengths come before contents in protobuf, so the labels are
    /// made in a buffer of their own first.
    private func appendSeries(
        _ sample: borrowing MetricsSnapshot.Sample, _ fixed: [Fixed], timestamp: Int64, labels: inout WireBuffer,
        to buffer: inout WireBuffer
    ) {
        labels.removeAll()
        appendLabels(sample.labels.pairs, fixed, to: &labels)
        let time = UInt64(bitPattern: timestamp)
        let sampleLength = 9 + 1 + Protobuf.varintSize(time)

        buffer.appendFieldHeader(1, length: labels.count + Protobuf.fieldSize(sampleLength))
        let bytes = labels.bytes
        bytes.withUnsafeBytes { buffer.append($0) }
        buffer.appendFieldHeader(2, length: sampleLength)
        buffer.append(Protobuf.tag(1, .fixed64))
        buffer.appendFixed64(sample.value.bitPattern)
        buffer.append(Protobuf.tag(2, .varint))
        buffer.appendVarint(time)
    }

    /// Merges two lists that are both ascending by name. The specification forbids labels without a value, which mean the
    /// same as no label.
    private func appendLabels(_ own: [LabelSet.Pair], _ fixed: [Fixed], to buffer: inout WireBuffer) {
        var next = 0
        for pair in own {
            while next < fixed.count, fixed[next].name < pair.name {
                buffer.append(fixed[next].field)
                next += 1
            }
            if next < fixed.count, fixed[next].name == pair.name { continue }
            if !pair.value.isEmpty { Self.appendLabel(pair, to: &buffer) }
        }
        while next < fixed.count {
            buffer.append(fixed[next].field)
            next += 1
        }
    }

    /// `Label`: name 1, value 2.
    private static func appendLabel(_ pair: LabelSet.Pair, to buffer: inout WireBuffer) {
        let length = Protobuf.fieldSize(pair.name.utf8.count) + Protobuf.fieldSize(pair.value.utf8.count)
        buffer.appendFieldHeader(1, length: length)
        buffer.appendField(1, pair.name)
        buffer.appendField(2, pair.value)
    }

    private static func labelField(_ pair: LabelSet.Pair) -> [UInt8] {
        var buffer = WireBuffer()
        appendLabel(pair, to: &buffer)
        return buffer.bytes.withUnsafeBytes { Array($0) }
    }
}
