import Metrics
import SwiftProtobuf
import Testing
import Wire

/// What the encoder wrote is decoded with swift-protobuf from the published message definitions.
@Suite struct RemoteWriteEncoderTests {
    private let extra = LabelSet([("job", "coroot-node-agent"), ("instance", "machine")])

    private func requests(
        _ snapshot: MetricsSnapshot, limit: Int = 10_000, extra: LabelSet
    ) throws -> [(request: Prometheus_WriteRequest, samples: Int)] {
        var buffer = WireBuffer()
        var all = [(request: Prometheus_WriteRequest, samples: Int)]()
        var encoder = MetricsEncoder(.remoteWrite, extraLabels: extra, limits: RequestLimits(samples: limit))
        try encoder.encode(snapshot, into: &buffer) { request, samples in
            all.append((try Prometheus_WriteRequest(serializedBytes: content(request)), samples))
        }
        return all
    }

    @Test func oneRequest() throws {
        var snapshot = MetricsSnapshot(timestamp: 1_763_935_990_123)
        let labels = LabelSet([("container_id", "/docker/a"), ("zone", "z"), ("Upper", "U"), ("kind", "some")])
        snapshot.add(.containerInfo, labels, 1)
        snapshot.add(.containerRestartsTotal, labels, 0.1)
        let all = try requests(snapshot, extra: extra)
        #expect(all.count == 1)
        let request = try #require(all.first).request
        #expect(all.first?.samples == 2)
        #expect(request.timeseries.count == 2)
        #expect(
            request.timeseries[0].labels.map { "\($0.name)=\($0.value)" } == [
                "Upper=U", "__name__=container_info", "container_id=/docker/a", "instance=machine",
                "job=coroot-node-agent",
                "kind=some", "zone=z",
            ])
        #expect(request.timeseries[0].samples.map(\.timestamp) == [1_763_935_990_123])
        #expect(request.timeseries[1].samples.map(\.value) == [0.1])
        #expect(request.metadata.map(\.metricFamilyName) == ["container_info", "container_restarts_total"])
        #expect(request.metadata.map(\.type) == [.gauge, .counter])
        #expect(
            request.metadata.map(\.help) == [MetricFamily.containerInfo.help, MetricFamily.containerRestartsTotal.help])
        #expect(request.unknownFields.data.isEmpty)
    }

    @Test func emptySnapshotMakesNoRequest() throws {
        #expect(try requests(MetricsSnapshot(timestamp: 1), extra: extra).isEmpty)
    }

    @Test func extraLabelWinsOverOwn() throws {
        var snapshot = MetricsSnapshot(timestamp: -5)
        snapshot.add(.up, LabelSet([("job", "own"), ("jobs", "2")]), 1)
        let series = try #require(try requests(snapshot, extra: extra).first?.request.timeseries.first)
        #expect(
            series.labels.map { "\($0.name)=\($0.value)" } == [
                "__name__=up", "instance=machine", "job=coroot-node-agent", "jobs=2",
            ])
        #expect(series.samples.first?.timestamp == -5)
    }

    @Test func specialValuesKeepTheirBits() throws {
        let values: [Double] = [
            .nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, Double(bitPattern: 0x7FF0_0000_0000_0002),
        ]
        var snapshot = MetricsSnapshot(timestamp: 0)
        for (index, value) in values.enumerated() { snapshot.add(.martletSeries, LabelSet([("i", "\(index)")]), value) }
        let series = try #require(try requests(snapshot, extra: .empty).first).request.timeseries
        #expect(series.map { $0.samples[0].value.bitPattern } == values.map(\.bitPattern))
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func splitsAtTheLimit(limit: Int) throws {
        var snapshot = MetricsSnapshot(timestamp: 9)
        for index in 0..<7 { snapshot.add(.containerInfo, LabelSet([("i", "\(index)")]), Double(index)) }
        for index in 7..<14 { snapshot.add(.containerOomKillsTotal, LabelSet([("i", "\(index)")]), Double(index)) }
        let all = try requests(snapshot, limit: limit, extra: extra)
        #expect(all.count == (14 + limit - 1) / limit)
        #expect(all.allSatisfy { $0.samples <= limit && $0.samples == $0.request.timeseries.count })
        #expect(all.flatMap { $0.request.timeseries }.map { $0.samples[0].value } == (0..<14).map(Double.init))
        // Metadata once a family, in the request with its first series.
        #expect(
            all.flatMap { $0.request.metadata }.map(\.metricFamilyName) == [
                "container_info", "container_oom_kills_total",
            ])
    }

    @Test func anyLabelsAreEncodedAsSwiftProtobufWould() throws {
        let names = ["a", "b2", "instancf", "jo", "jobb", "zz", "Z", "_x"]
        for _ in 0..<500 {
            let chosen = names.shuffled().prefix(Int.random(in: 0...names.count))
            let pairs = chosen.map { name in
                (name: name, value: String(repeating: "é\n\"\\☃", count: Int.random(in: 0...60)))
            }
            var snapshot = MetricsSnapshot(timestamp: .random(in: 0...(1 << 45)))
            snapshot.add(.up, LabelSet(pairs), .random(in: -1e9...1e9))
            var buffer = WireBuffer()
            var encoder = MetricsEncoder(.remoteWrite, extraLabels: extra)
            var request = [UInt8]()
            encoder.encode(snapshot, into: &buffer) { bytes, _ in request = content(bytes) }

            var expected = Prometheus_TimeSeries()
            let merged =
                pairs.filter { !$0.value.isEmpty } + [
                    ("__name__", "up"), ("job", "coroot-node-agent"), ("instance", "machine"),
                ]
            expected.labels = merged.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { pair in
                .with {
                    $0.name = pair.name
                    $0.value = pair.value
                }
            }
            expected.samples = [
                .with {
                    $0.value = snapshot[.up][0].value
                    $0.timestamp = snapshot.timestamp
                }
            ]
            let decoded = try Prometheus_WriteRequest(serializedBytes: request)
            #expect(decoded.timeseries.elementsEqual([expected]))
            // The same bytes, too: no padded lengths. The series comes last, after the metadata.
            let series: [UInt8] = try expected.serializedBytes()
            #expect(request.suffix(series.count).elementsEqual(series))
        }
    }
}
