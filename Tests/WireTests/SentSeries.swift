import Metrics
import SwiftProtobuf

@testable import Wire

/// One series of a request as a receiver sees it, whatever the protocol.
struct SentSeries: Equatable {
    var family: String
    /// All labels but the name, ascending.
    var labels: [String]
    var bits: UInt64
    var timestamp: Int64
    var created: Int64

    /// Whether it is a part of a histogram, of which OTLP makes one data point.
    var isPart: Bool { Self.parts.contains(family) }

    private static let parts = Set(MetricFamily.allCases.filter { $0.histogramPart != nil }.map(\.name))
}

extension [SentSeries] {
    /// What counts as one sample in a request: of a whole histogram its count alone in OTLP.
    func items(_ metricsProtocol: MetricsProtocol) -> Int {
        metricsProtocol == .otlp ? count { !$0.isPart || $0.family.hasSuffix("_count") } : count
    }

    /// The order in which they must be equal: OTLP has the parts of a histogram together, wherever they stand in the snapshot.
    func inOrder(of metricsProtocol: MetricsProtocol) -> [SentSeries] {
        if metricsProtocol != .otlp { return self }
        let parts = filter(\.isPart).map { ("\($0)", $0) }.sorted { $0.0 < $1.0 }
        return filter { !$0.isPart } + parts.map(\.1)
    }
}

/// What a receiver finds wrong with a request.
struct BadRequest: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension MetricsProtocol {
    /// Reads `request` with swift-protobuf, and checks what the protocol demands of it.
    func decode(_ request: [UInt8], extra: LabelSet) throws -> [SentSeries] {
        switch self {
        case .remoteWrite: try Self.decode1(request)
        case .remoteWrite2: try Self.decode2(request)
        case .otlp: try Self.decodeOTLP(request, extra: extra)
        }
    }

    private static func decode1(_ request: [UInt8]) throws -> [SentSeries] {
        let request = try Prometheus_WriteRequest(serializedBytes: request)
        return try request.timeseries.map { series in
            guard series.samples.count == 1, series.unknownFields.data.isEmpty else { throw BadRequest("samples") }
            return try sent(
                series.labels.map { ($0.name, $0.value) }, series.samples[0].value, series.samples[0].timestamp, 0)
        }
    }

    private static func decode2(_ request: [UInt8]) throws -> [SentSeries] {
        let request = try Io_Prometheus_Write_V2_Request(serializedBytes: request)
        guard request.symbols.first == "" else { throw BadRequest("the first symbol is not empty") }
        guard Set(request.symbols).count == request.symbols.count else { throw BadRequest("a symbol twice") }
        var used = Set<UInt32>([0])
        func symbol(_ index: UInt32) throws -> String {
            guard index < request.symbols.count else { throw BadRequest("symbol \(index) of \(request.symbols.count)") }
            used.insert(index)
            return request.symbols[Int(index)]
        }
        let all = try request.timeseries.map { series in
            guard series.samples.count == 1, series.labelsRefs.count % 2 == 0, series.unknownFields.data.isEmpty else {
                throw BadRequest("a series")
            }
            let labels = try stride(from: 0, to: series.labelsRefs.count, by: 2).map {
                (try symbol(series.labelsRefs[$0]), try symbol(series.labelsRefs[$0 + 1]))
            }
            let sample = series.samples[0]
            guard sample.startTimestamp == series.createdTimestamp else { throw BadRequest("began twice") }
            let found = try sent(labels, sample.value, sample.timestamp, sample.startTimestamp)
            guard let family = MetricFamily.allCases.first(where: { $0.name == found.family }),
                try symbol(series.metadata.helpRef) == family.help, try symbol(series.metadata.unitRef) == family.unit,
                series.metadata.type == (family.type == .counter ? .counter : .gauge)
            else { throw BadRequest("metadata of \(found.family)") }
            return found
        }
        guard used.count == request.symbols.count else { throw BadRequest("symbols that nothing refers to") }
        return all
    }

    private static func decodeOTLP(_ request: [UInt8], extra: LabelSet) throws -> [SentSeries] {
        let request = try Opentelemetry_ExportMetricsServiceRequest(serializedBytes: request)
        guard request.resourceMetrics.count == 1, request.resourceMetrics[0].scopeMetrics.count == 1 else {
            throw BadRequest("resources or scopes")
        }
        let resource = request.resourceMetrics[0].resource.attributes.filter { !$0.key.contains(".") }
        var all = [SentSeries]()
        for metric in request.resourceMetrics[0].scopeMetrics[0].metrics {
            if case .histogram(let histogram)? = metric.data {
                all += try parts(of: histogram, metric, resource)
                continue
            }
            guard let family = MetricFamily.allCases.first(where: { $0.name == metric.name }),
                metric.description_p == family.help, metric.unknownFields.data.isEmpty
            else { throw BadRequest("metric \(metric.name)") }
            let points: [Opentelemetry_NumberDataPoint]
            switch (metric.data, family.type) {
            case (.gauge(let gauge), .gauge): points = gauge.dataPoints
            case (.sum(let sum), .counter):
                guard sum.isMonotonic, sum.aggregationTemporality == .cumulative else { throw BadRequest("sum") }
                points = sum.dataPoints
            default: throw BadRequest("type of \(metric.name)")
            }
            guard !points.isEmpty else { throw BadRequest("\(metric.name) has no points") }
            for point in points {
                let bits: UInt64
                switch (point.value, point.flags) {
                case (.asDouble(let value), 0): bits = value.bitPattern
                case (nil, 1): bits = StaleMarker.value.bitPattern
                default: throw BadRequest("flags \(point.flags)")
                }
                var labels = [(String, String)]()
                for attribute in resource + point.attributes { labels.append(try text(attribute)) }
                guard Set(labels.map(\.0)).count == labels.count else { throw BadRequest("an attribute twice") }
                all.append(
                    SentSeries(
                        family: metric.name, labels: labels.map { "\($0.0)=\($0.1)" }.sorted(), bits: bits,
                        timestamp: Int64(point.timeUnixNano / 1_000_000),
                        created: Int64(point.startTimeUnixNano / 1_000_000)))
            }
        }
        return all
    }

    private static func text(_ attribute: Opentelemetry_KeyValue) throws -> (String, String) {
        guard case .stringValue(let value)? = attribute.value.value else { throw BadRequest("no text") }
        return (attribute.key, value)
    }

    /// The series of the page that the data points of a histogram stand for: its buckets, its sum, its count.
    private static func parts(
        of histogram: Opentelemetry_Histogram, _ metric: Opentelemetry_Metric, _ resource: [Opentelemetry_KeyValue]
    ) throws -> [SentSeries] {
        guard let family = MetricFamily.allCases.first(where: { $0.name == metric.name + "_bucket" }),
            metric.description_p == family.help, metric.unit == "s", metric.unknownFields.data.isEmpty,
            histogram.aggregationTemporality == .cumulative, !histogram.dataPoints.isEmpty
        else { throw BadRequest("histogram \(metric.name)") }
        var all = [SentSeries]()
        for point in histogram.dataPoints {
            guard point.unknownFields.data.isEmpty, point.flags <= 1 else { throw BadRequest("a point") }
            var labels = [(String, String)]()
            for attribute in resource + point.attributes { labels.append(try text(attribute)) }
            guard Set(labels.map(\.0)).count == labels.count else { throw BadRequest("an attribute twice") }
            func add(_ suffix: String, _ value: Double, _ bound: String? = nil) {
                let own = labels + (bound.map { [("le", $0)] } ?? [])
                all.append(
                    SentSeries(
                        family: metric.name + suffix, labels: own.map { "\($0.0)=\($0.1)" }.sorted(),
                        bits: value.bitPattern, timestamp: Int64(point.timeUnixNano / 1_000_000),
                        created: Int64(point.startTimeUnixNano / 1_000_000)))
            }
            if point.flags == 1 {
                guard point.count == 0, point.bucketCounts.isEmpty, point.explicitBounds.isEmpty, !point.hasSum else {
                    throw BadRequest("an end with values")
                }
                add("_count", StaleMarker.value)
                continue
            }
            if !point.bucketCounts.isEmpty {
                guard point.bucketCounts.count == point.explicitBounds.count + 1,
                    point.bucketCounts.reduce(0, &+) == point.count,
                    zip(point.explicitBounds, point.explicitBounds.dropFirst()).allSatisfy({ $0 < $1 })
                else { throw BadRequest("buckets \(point.explicitBounds) \(point.bucketCounts) of \(point.count)") }
                var total: UInt64 = 0
                for (count, bound) in zip(point.bucketCounts, point.explicitBounds + [.infinity]) {
                    total += count
                    add("_bucket", Double(total), RandomSnapshot.bounds.first { Double($0) == bound } ?? "\(bound)")
                }
            }
            if point.hasSum { add("_sum", point.sum) }
            add("_count", Double(point.count))
        }
        return all
    }

    /// Labels must ascend by name, be unique, and have values.
    private static func sent(
        _ labels: [(String, String)], _ value: Double, _ timestamp: Int64, _ created: Int64
    ) throws -> SentSeries {
        for (before, after) in zip(labels, labels.dropFirst()) {
            guard before.0.utf8.lexicographicallyPrecedes(after.0.utf8) else { throw BadRequest("order of \(labels)") }
        }
        guard labels.allSatisfy({ !$0.1.isEmpty }) else { throw BadRequest("empty value in \(labels)") }
        guard let name = labels.first(where: { $0.0 == "__name__" }) else { throw BadRequest("no name") }
        return SentSeries(
            family: name.1, labels: labels.filter { $0.0 != "__name__" }.map { "\($0.0)=\($0.1)" }.sorted(),
            bits: value.bitPattern, timestamp: timestamp, created: created)
    }
}
