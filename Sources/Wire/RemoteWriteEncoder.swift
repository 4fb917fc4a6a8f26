import Metrics

/// Writes remote write 1.0 requests (`prometheus.WriteRequest`, prometheus.io/docs/specs/prw/remote_write_spec).
///
/// The labels of a series are kept in its label set as the bytes of `labels` fields, all but `__name__`, which is put where it
/// belongs: first, but for names that begin with an upper-case letter. A request carries the metadata of the families that begin
/// in it.
struct RemoteWriteEncoder: RequestWriter {
    private let labels: SeriesLabels

    var owner: UInt32 { labels.owner }

    init(extraLabels: LabelSet) { labels = SeriesLabels(.remoteWrite, extra: extraLabels) }

    func begin(timestamp: Int64, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        scratch.sample = SampleTemplate(timestamp: timestamp)
    }

    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {}

    @inline(__always)
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int { buffer.count }

    func beginFamily(_ family: MetricFamily, _ scratch: inout EncodingScratch) {
        scratch.name.removeAll()
        Self.appendLabel(SeriesLabels.name, family.name, to: &scratch.name)
        scratch.name.zeroAfterEnd(WireBuffer.shortCopy)
    }

    @inline(__always)
    func append(
        _ kept: LabelCache.Entry, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        appendSeries(kept.bytes, split: kept.split, value, family, opening, room: room, scratch, &buffer)
    }

    @inline(never)
    func append(
        new set: LabelSet, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        scratch.labels.removeAll()
        var split = 0
        labels.forEach(set.pairs) { name, value in
            Self.appendLabel(name, value, to: &scratch.labels)
            if name < SeriesLabels.name { split = scratch.labels.count }
        }
        let bytes = scratch.labels.bytes
        return bytes.withUnsafeBytes { bytes in
            set.encoded.keep(bytes, owner: labels.owner, split: split)
            return appendSeries(bytes, split: split, value, family, opening, room: room, scratch, &buffer)
        }
    }

    /// `WriteRequest.timeseries` (field 1): labels 1, samples 2.
    @inline(__always)
    private func appendSeries(
        _ labels: UnsafeRawBufferPointer, split: Int, _ value: Double, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: borrowing EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        let nameCount = scratch.name.count
        let length = labels.count + nameCount + scratch.sample.count
        let size = Protobuf.fieldSize(length)
        if case .none = opening {
            guard size <= room else { return false }
        } else {
            guard size + (opening == .first ? Self.metadataSize(family) : 0) <= room else { return false }
            if opening == .first { Self.appendMetadata(family, to: &buffer) }
        }

        let start = buffer.room(size + WireBuffer.shortCopy)
        start.storeBytes(of: Protobuf.tag(1, .lengthDelimited), as: UInt8.self)
        var target = Protobuf.writeVarint(UInt64(length), at: start + 1)
        if split > 0, let source = labels.baseAddress {
            target.copyMemory(from: source, byteCount: split)
            target += split
        }
        scratch.name.copyShort(to: target)
        target += nameCount
        if let source = labels.baseAddress {
            target.copyMemory(from: source + split, byteCount: labels.count - split)
            target += labels.count - split
        }
        scratch.sample.write(value, at: target)
        buffer.advance(size)
        return true
    }

    /// `WriteRequest.metadata` (field 3): type 1, metric_family_name 2, help 4, unit 5.
    private static func appendMetadata(_ family: MetricFamily, to buffer: inout WireBuffer) {
        let unit = family.unit
        buffer.appendFieldHeader(3, length: metadataLength(family))
        buffer.append(Protobuf.tag(1, .varint))
        buffer.appendVarint(family.type.number)
        buffer.appendField(2, family.name)
        buffer.appendField(4, family.help)
        if !unit.isEmpty { buffer.appendField(5, unit) }
    }

    private static func metadataLength(_ family: MetricFamily) -> Int {
        let unit = family.unit.utf8.count
        return 2 + Protobuf.fieldSize(family.name.utf8.count) + Protobuf.fieldSize(family.help.utf8.count)
            + (unit > 0 ? Protobuf.fieldSize(unit) : 0)
    }

    private static func metadataSize(_ family: MetricFamily) -> Int { Protobuf.fieldSize(metadataLength(family)) }

    /// `TimeSeries.labels` (field 1), a `Label`: name 1, value 2.
    private static func appendLabel(_ name: String, _ value: String, to buffer: inout WireBuffer) {
        let length = Protobuf.fieldSize(name.utf8.count) + Protobuf.fieldSize(value.utf8.count)
        buffer.appendFieldHeader(1, length: length)
        buffer.appendField(1, name)
        buffer.appendField(2, value)
    }
}

extension MetricType {
    /// `MetricType` of remote write 1.0 and 2.0, which agree.
    var number: UInt64 {
        switch self {
        case .counter: 1
        case .gauge: 2
        case .histogram: 3
        }
    }
}
