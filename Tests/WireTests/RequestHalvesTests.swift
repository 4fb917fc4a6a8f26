import Metrics
import SwiftProtobuf
import Testing

@testable import Wire

/// Halves of requests, read by swift-protobuf: together they are what was cut, in its order.
@Suite struct RequestHalvesTests {
    private static let extra = LabelSet([("job", "coroot-node-agent"), ("instance", "machine"), ("Region", "eu")])

    private func cut(_ request: [UInt8], _ form: RequestHalves.Form) throws -> (
        first: [UInt8], second: [UInt8], items: Int
    )? {
        var plain = WireBuffer()
        var first = WireBuffer()
        var second = WireBuffer()
        plain.append(request)
        guard let items = try RequestHalves.cut(plain, form, into: &first, &second) else { return nil }
        return (content(first), content(second), items)
    }

    private func form(_ metricsProtocol: MetricsProtocol) -> RequestHalves.Form {
        switch metricsProtocol {
        case .remoteWrite: .remoteWrite
        case .remoteWrite2: .remoteWrite2
        case .otlp: .otlpMetrics
        }
    }

    /// Until nothing can be cut any more.
    private func pieces(_ request: [UInt8], _ form: RequestHalves.Form) throws -> [[UInt8]] {
        guard let (first, second, _) = try cut(request, form) else { return [request] }
        return try pieces(first, form) + pieces(second, form)
    }

    @Test(arguments: MetricsProtocol.allCases)
    func metricsAreTheSame(metricsProtocol: MetricsProtocol) throws {
        for seed in 0..<8 as Range<UInt64> {
            var random = RandomSnapshot(seed: seed)
            var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
            var buffer = WireBuffer()
            var requests: [[UInt8]] = []
            for _ in 0..<3 {
                encoder.encode(random.snapshot(series: 80), into: &buffer) { r, _ in requests.append(content(r)) }
            }
            for request in requests {
                let series = try metricsProtocol.decode(request, extra: Self.extra)
                if let (first, second, items) = try cut(request, form(metricsProtocol)) {
                    let one = try metricsProtocol.decode(first, extra: Self.extra)
                    let other = try metricsProtocol.decode(second, extra: Self.extra)
                    #expect(one.items(metricsProtocol) == items && one + other == series)
                    if metricsProtocol != .remoteWrite { #expect(items == series.items(metricsProtocol) / 2) }
                }
                let pieces = try pieces(request, form(metricsProtocol)).map {
                    try metricsProtocol.decode($0, extra: Self.extra)
                }
                #expect(pieces.allSatisfy { $0.items(metricsProtocol) <= 1 } && pieces.flatMap(\.self) == series)
            }
        }
    }

    /// The metadata of remote write 1.0 are shared out, not repeated.
    @Test func metadataOfRemoteWrite1() throws {
        var random = RandomSnapshot(seed: 7)
        var encoder = MetricsEncoder(.remoteWrite, extraLabels: Self.extra)
        var buffer = WireBuffer()
        var request: [UInt8] = []
        encoder.encode(random.snapshot(series: 400), into: &buffer) { r, _ in request = content(r) }
        let whole = try Prometheus_WriteRequest(serializedBytes: request)
        let (first, second, _) = try #require(try cut(request, .remoteWrite))
        #expect(first.count + second.count == request.count)
        #expect(
            try Prometheus_WriteRequest(serializedBytes: first).metadata
                + Prometheus_WriteRequest(serializedBytes: second).metadata == whole.metadata)
    }

    private final class Owner: ResourceOwner {
        let name: String
        init(_ name: String) { self.name = name }
        func describe(_ resource: inout ResourceEncoder) { resource.attribute("service.name", name) }
    }

    @Test func spansAreTheSame() throws {
        var encoder = SpanEncoder(scopeName: "scope", scopeVersion: "1", schemaURL: "urn:schema")
        let owners = (0..<5).map { Owner("owner \($0)") }
        for number in 0..<101 {
            let head = SpanEncoder.Head(
                traceHigh: 1, traceLow: 2, id: UInt64(number + 1), parent: 0, kind: .client, start: 1, end: 2,
                isParentRemote: false)
            encoder.begin(head, name: UnsafeRawBufferPointer(start: nil, count: 0), of: owners[number * 7 % 5])
            encoder.attribute("number", integer: Int64(number))
            encoder.end(isError: number % 3 == 0)
        }
        var buffer = WireBuffer()
        encoder.finish(into: &buffer)
        let request = content(buffer)
        let whole = try Opentelemetry_ExportTraceServiceRequest(serializedBytes: request)
        let (first, second, items) = try #require(try cut(request, .otlpItems))
        #expect(items == 50)
        let halves = try [first, second].map { try Opentelemetry_ExportTraceServiceRequest(serializedBytes: $0) }
        #expect(halves.allSatisfy { half in half.resourceSpans.allSatisfy { !$0.scopeSpans[0].spans.isEmpty } })
        let pieces = try pieces(request, .otlpItems).map {
            try Opentelemetry_ExportTraceServiceRequest(serializedBytes: $0)
        }
        #expect(pieces.count == 101)
        for parts in [halves, pieces] {
            var joined = Opentelemetry_ExportTraceServiceRequest()
            for resource in parts.flatMap(\.resourceSpans) {
                if joined.resourceSpans.last?.resource == resource.resource {
                    joined.resourceSpans[joined.resourceSpans.count - 1].scopeSpans[0].spans +=
                        resource.scopeSpans[0].spans
                } else {
                    joined.resourceSpans.append(resource)
                }
            }
            #expect(joined == whole)
        }
    }

    /// What is damaged, cut off or invented is refused, or at least cut without harm.
    @Test(arguments: MetricsProtocol.allCases)
    func damage(metricsProtocol: MetricsProtocol) throws {
        var random = RandomSnapshot(seed: 3)
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: Self.extra)
        var buffer = WireBuffer()
        var request: [UInt8] = []
        encoder.encode(random.snapshot(series: 40), into: &buffer) { r, _ in request = content(r) }
        for _ in 0..<2000 {
            var bad = request
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bad.removeLast(Int.random(in: 1...bad.count, using: &random))
            case 1: bad[Int.random(in: 0..<bad.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            default: bad = bad.map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            guard let halves = try? cut(bad, form(metricsProtocol)) else { continue }
            #expect(halves.first.count + halves.second.count <= 3 * bad.count + 64)
        }
        #expect(throws: DecompressionError.self) {
            _ = try cut(Array(request.dropLast(1)), form(metricsProtocol))
        }
        #expect(try cut([], form(metricsProtocol)) == nil)
    }
}
