public import Metrics

/// Writes snapshots as remote write 1.0 requests (`prometheus.WriteRequest`,
/// prometheus.io/docs/specs/prw/remote_write_spec).
///
/// Labels of a series are sorted by name and contain `__name__` and the extra labels; a series' own label gives way to an
/// extra one of the same name, and labels without a value are left out. Every sample has the snapshot's timestamp. A
/// request carries the metadata of the families that begin in it.
public struct RemoteWriteEncoder: Sendable {
    /// One label that all series of a family share, as the bytes of a `labels` field of `TimeSeries`.
    private struct Fixed: Sendable {
        let name: String
        let field: [UInt8]
    }

    /// By `MetricFamily.rawValue`: `__name__` and the extra labels, ascending by name.
    private let fixedLabels: [[Fixed]]
    private let samplesPerRequest: Int

    /// - Parameters:
    ///   - extraLabels: labels that every series gets, such as `job` and `instance`.
    ///   - samplesPerRequest: the most samples in one request; at least 1.
    public init(extraLabels: LabelSet, samplesPerRequest: Int = 10_000) {
        self.samplesPerRequest = max(1, samplesPerRequest)
        self.fixedLabels = MetricFamily.allCases.map { family in
            extraLabels.adding([("__name__", family.name)]).pairs.compactMap { pair in
                pair.value.isEmpty ? nil : Fixed(name: pair.name, field: Self.labelField(pair))
            }
        }
    }

    /// Encodes `snapshot` into `buffer`, request by request, and hands each to `body` with the number of its samples. The
    /// buffer is emptied before each request and holds the last one afterwards.
    public func encode<Failure: Error>(
        _ snapshot: MetricsSnapshot, into buffer: inout WireBuffer,
        _ body: (_ request: borrowing WireBuffer, _ samples: Int) throws(Failure) -> Void
    ) throws(Failure) {
        buffer.removeAll()
        var labels = WireBuffer(capacity: 1024)
        var inRequest = 0
        for family in MetricFamily.allCases {
            let samples = snapshot[family]
            if samples.isEmpty { continue }
            let fixed = fixedLabels[Int(family.rawValue)]
            if inRequest == samplesPerRequest {
                try body(buffer, inRequest)
                buffer.removeAll()
                inRequest = 0
            }
            appendMetadata(family, to: &buffer)
            for sample in samples {
                if inRequest == samplesPerRequest {
                    try body(buffer, inRequest)
                    buffer.removeAll()
                    inRequest = 0
                }
                appendSeries(sample, fixed, timestamp: snapshot.timestamp, labels: &labels, to: &buffer)
                inRequest += 1
            }
        }
        if inRequest > 0 { try body(buffer, inRequest) }
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
        _ sample: MetricsSnapshot.Sample, _ fixed: [Fixed], timestamp: Int64, labels: inout WireBuffer,
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
