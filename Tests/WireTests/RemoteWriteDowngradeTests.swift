import Metrics
import SwiftProtobuf
import Testing
import Wire

/// What becomes of 2.0 requests for receivers that know only 1.0, read with the published definitions.
@Suite struct RemoteWriteDowngradeTests {
    private func encoded(_ metricsProtocol: MetricsProtocol, _ snapshot: MetricsSnapshot) throws -> [UInt8] {
        var encoder = MetricsEncoder(metricsProtocol, extraLabels: LabelSet([("job", "a"), ("instance", "b")]))
        var buffer = WireBuffer()
        var bytes: [UInt8] = []
        try encoder.encode(snapshot, into: &buffer) { (request, _) throws(CompressionError) in bytes = content(request)
        }
        return bytes
    }

    private func converted(_ request: [UInt8]) throws -> [UInt8] {
        var buffer = WireBuffer()
        buffer.append(request)
        var output = WireBuffer()
        try RemoteWriteDowngrade.convert(buffer, into: &output)
        return content(output)
    }

    @Test func theSameSeriesAsEncodedAtOnce() throws {
        var snapshot = MetricsSnapshot(timestamp: 1_763_935_990_123)
        for number in 0..<200 {
            let labels = LabelSet([("container_id", "/docker/\(number)"), ("text", "é\n\"\(number)"), ("empty", "")])
            snapshot.add(.containerInfo, labels, Double(number) * 0.1)
            snapshot.add(.containerRestartsTotal, labels, Double(number))
        }
        snapshot.add(.up, .empty, .nan)
        let one = try Prometheus_WriteRequest(serializedBytes: try encoded(.remoteWrite, snapshot))
        let two = try Prometheus_WriteRequest(serializedBytes: try converted(try encoded(.remoteWrite2, snapshot)))
        #expect(one.timeseries.count == 401 && two.timeseries.count == 401)
        for (old, new) in zip(one.timeseries, two.timeseries) {
            #expect(old.labels == new.labels)
            #expect(old.samples.map(\.value.bitPattern) == new.samples.map(\.value.bitPattern))
            #expect(old.samples.map(\.timestamp) == new.samples.map(\.timestamp))
        }
        #expect(two.unknownFields.data.isEmpty)
    }

    /// It may come from a damaged file: an error or a whole request, and never more than that.
    @Test func damageIsNoCrash() throws {
        var snapshot = MetricsSnapshot(timestamp: 1)
        for number in 0..<20 { snapshot.add(.containerInfo, LabelSet([("container_id", "\(number)")]), 1) }
        let good = try encoded(.remoteWrite2, snapshot)
        for length in 0..<good.count { _ = try? converted(Array(good[..<length])) }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            var bad = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bad[Int.random(in: bad.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if let bytes = try? converted(bad) { _ = try? Prometheus_WriteRequest(serializedBytes: bytes) }
        }
    }
}
