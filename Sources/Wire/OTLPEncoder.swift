import Metrics

/// Writes OpenTelemetry metrics (`opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`,
/// opentelemetry.io/docs/specs/otlp, opentelemetry/proto/metrics/v1/metrics.proto).
///
/// The extra labels are attributes of the resource; `job` and `instance` are its `service.name` and `service.instance.id` as
/// well, from which Prometheus makes the two labels (opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics).
/// A counter is a cumulative, monotonic sum, and a series that has ended a point without a value that says so. The three families
/// of a histogram are one metric (`OTLPEncoder+Histograms.swift`). The labels of a series are kept in its label set as the bytes of
/// `attributes` fields: `le`, if there is one, is the last (at `split`), and the number that it says comes behind (`weight`
/// bytes).
///
/// Messages are nested four deep here, and a length comes before its message: lengths of the outer ones are filled in
/// afterwards.
struct OTLPEncoder: RequestWriter {
    static let cumulative: UInt64 = 2
    static let noRecordedValue: UInt8 = 1
    static let mergesHistograms = true

    let labels: SeriesLabels
    /// `ResourceMetrics.resource` (field 1) with tag and length.
    private let resource: [UInt8]
    /// `ScopeMetrics.scope` (field 1) with tag and length.
    private let scope: [UInt8]

    var owner: UInt32 { labels.owner }

    init(extraLabels: LabelSet) {
        labels = SeriesLabels(.otlp, extra: extraLabels)
        var attributes = WireBuffer()
        for pair in labels.extra {
            if let name = Self.resourceNames[pair.name] {
                Self.appendAttribute(1, name, pair.value, to: &attributes)
            }
            Self.appendAttribute(1, pair.name, pair.value, to: &attributes)
        }
        var resource = WireBuffer()
        resource.appendFieldHeader(1, length: attributes.count)
        resource.append(attributes)
        self.resource = resource.bytes.withUnsafeBytes { Array($0) }

        var name = WireBuffer()
        name.appendField(1, "martlet")
        var scope = WireBuffer()
        scope.appendFieldHeader(1, length: name.count)
        scope.append(name)
        self.scope = scope.bytes.withUnsafeBytes { Array($0) }
    }

    private static let resourceNames = ["job": "service.name", "instance": "service.instance.id"]

    /// `resource_metrics` (1) with the resource, and in it `scope_metrics` (2) with the scope, both open.
    func begin(timestamp: Int64, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        scratch.time = Self.nanoseconds(timestamp)
        buffer.append(Protobuf.tag(1, .lengthDelimited))
        scratch.lengths.resource = buffer.openLength()
        buffer.append(resource)
        buffer.append(Protobuf.tag(2, .lengthDelimited))
        scratch.lengths.scope = buffer.openLength()
        buffer.append(scope)
        scratch.lengths.hasFamily = false
    }

    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        close(&scratch, &buffer)
        buffer.closeLength(scratch.lengths.scope)
        buffer.closeLength(scratch.lengths.resource)
    }

    @inline(__always)
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int { buffer.count }

    func beginFamily(_ family: MetricFamily, _ scratch: inout EncodingScratch) {}

    /// `Metric`: name 1, description 2, unit 3, gauge 5, sum 7 or histogram 9. `Sum`, `Histogram`: aggregation_temporality 2; `Sum`:
    /// is_monotonic 3.
    ///
    /// - Parameter suffix: bytes at the end of the family's name that the metric's name lacks.
    func open(
        _ family: MetricFamily, as field: UInt8, without suffix: Int = 0, _ scratch: inout EncodingScratch,
        _ buffer: inout WireBuffer
    ) {
        close(&scratch, &buffer)
        buffer.append(Protobuf.tag(2, .lengthDelimited))
        scratch.lengths.metric = buffer.openLength()
        let name = family.name.utf8.span.extracting(droppingLast: suffix)
        buffer.appendFieldHeader(1, length: name.count)
        name.withUnsafeBytes { buffer.append($0) }
        buffer.appendField(2, family.help)
        let unit = Self.unit(family)
        if !unit.isEmpty { buffer.appendField(3, unit) }
        buffer.append(Protobuf.tag(field, .lengthDelimited))
        scratch.lengths.points = buffer.openLength()
        if field != Self.gauge {
            buffer.append(Protobuf.tag(2, .varint))
            buffer.appendVarint(Self.cumulative)
        }
        if field == Self.sum {
            buffer.append(Protobuf.tag(3, .varint))
            buffer.appendVarint(1)
        }
        scratch.lengths.hasFamily = true
    }

    // Fields of `Metric`.
    private static let gauge: UInt8 = 5
    private static let sum: UInt8 = 7
    static let histogram: UInt8 = 9

    /// Ends the family that is open, if one is.
    private func close(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        guard scratch.lengths.hasFamily else { return }
        buffer.closeLength(scratch.lengths.points)
        buffer.closeLength(scratch.lengths.metric)
        scratch.lengths.hasFamily = false
    }

    /// OpenTelemetry writes units as UCUM has them (ucum.org).
    private static func unit(_ family: MetricFamily) -> String {
        // That of the values, not of the counts in a bucket.
        if family.histogramPart == .bucket { return family.metricName.hasSuffix("_seconds_total") ? "s" : "" }
        return switch family.unit {
        case "seconds": "s"
        case "bytes": "By"
        case "celsius": "Cel"
        case "watts": "W"
        default: ""
        }
    }

    @inline(__always)
    func append(
        _ kept: LabelCache.Entry, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        let attributes = UnsafeRawBufferPointer(start: kept.start, count: kept.count - kept.weight)
        return appendPoint(attributes, value, created: created, family, opening, room: room, &scratch, &buffer)
    }

    @inline(never)
    func append(
        new set: LabelSet, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        var attributes = WireBuffer(capacity: 256)
        let (split, weight) = appendAttributes(of: set, to: &attributes)
        let bytes = attributes.bytes
        return bytes.withUnsafeBytes { bytes in
            set.encoded.keep(bytes, owner: labels.owner, split: split, weight: weight)
            let fields = UnsafeRawBufferPointer(rebasing: bytes.dropLast(weight))
            return appendPoint(fields, value, created: created, family, opening, room: room, &scratch, &buffer)
        }
    }

    /// Appends what is kept in a label set; where `le` begins, and how many bytes its number has.
    func appendAttributes(of set: LabelSet, to attributes: inout WireBuffer) -> (split: Int, weight: Int) {
        var bound: String?
        labels.forEachOwn(set.pairs) { name, value in
            if name == "le" { bound = value } else { Self.appendAttribute(7, name, value, to: &attributes) }
        }
        let split = attributes.count
        guard let bound else { return (split, 0) }
        Self.appendAttribute(7, "le", bound, to: &attributes)
        guard let number = bound == "+Inf" ? .infinity : Double(bound) else { return (split, 0) }
        attributes.appendFixed64(number.bitPattern)
        return (split, 8)
    }

    /// `Gauge.data_points` or `Sum.data_points` (field 1): start_time_unix_nano 2, time_unix_nano 3, as_double 4,
    /// attributes 7, flags 8.
    @inline(__always)
    private func appendPoint(
        _ attributes: UnsafeRawBufferPointer, _ value: Double, created: Int64, _ family: MetricFamily,
        _ opening: FamilyOpening, room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        let isStale = StaleMarker.isMarker(value)
        let started = family.type == .counter ? Self.nanoseconds(created) : 0
        let length = (started > 0 ? 9 : 0) + 9 + (isStale ? 2 : 9) + attributes.count
        let size = Protobuf.fieldSize(length)
        if opening == .none {
            guard size <= room else { return false }
        } else {
            // The rest of a family without its texts is less than 64 bytes.
            guard size + family.name.utf8.count + family.help.utf8.count + 64 <= room else { return false }
            open(family, as: family.type == .counter ? Self.sum : Self.gauge, &scratch, &buffer)
        }
        let start = buffer.room(size)
        start.storeBytes(of: Protobuf.tag(1, .lengthDelimited), as: UInt8.self)
        var target = Protobuf.writeVarint(UInt64(length), at: start + 1)
        if started > 0 { target = Self.writeFixed(2, started, at: target) }
        target = Self.writeFixed(3, scratch.time, at: target)
        if !isStale { target = Self.writeFixed(4, value.bitPattern, at: target) }
        if let source = attributes.baseAddress { target.copyMemory(from: source, byteCount: attributes.count) }
        if isStale {
            target += attributes.count
            target.storeBytes(of: Protobuf.tag(8, .varint), as: UInt8.self)
            target.storeBytes(of: Self.noRecordedValue, toByteOffset: 1, as: UInt8.self)
        }
        buffer.advance(size)
        return true
    }

    @inline(__always)
    static func writeFixed(
        _ field: UInt8, _ value: UInt64, at target: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        target.storeBytes(of: Protobuf.tag(field, .fixed64), as: UInt8.self)
        target.storeBytes(of: value.littleEndian, toByteOffset: 1, as: UInt64.self)
        return target + 9
    }

    /// 0, which means unknown, for times before 1970 and after 2554.
    @inline(__always)
    static func nanoseconds(_ milliseconds: Int64) -> UInt64 {
        guard milliseconds > 0 else { return 0 }
        let (product, overflows) = UInt64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
        return overflows ? 0 : product
    }

    /// A `KeyValue` (key 1, value 2) as field `field`; the value is an `AnyValue` (string_value 1).
    private static func appendAttribute(_ field: UInt8, _ key: String, _ value: String, to buffer: inout WireBuffer) {
        let valueLength = Protobuf.fieldSize(value.utf8.count)
        buffer.appendFieldHeader(
            field, length: Protobuf.fieldSize(key.utf8.count) + Protobuf.fieldSize(valueLength))
        buffer.appendField(1, key)
        buffer.appendFieldHeader(2, length: valueLength)
        buffer.appendField(1, value)
    }
}
