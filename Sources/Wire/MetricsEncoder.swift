public import Metrics

/// Writes snapshots as requests of one protocol.
///
/// Every sample has the snapshot's timestamp. Series of one family keep their order, and a series is always in the same shard.
/// An encoder has one owner; shards that are encoded side by side have an encoder each.
public struct MetricsEncoder: ~Copyable, Sendable {
    private enum Writer: Sendable {
        case remoteWrite(RemoteWriteEncoder)
    }

    private let writer: Writer
    private let limits: RequestLimits
    private var scratch = EncodingScratch()

    /// - Parameters:
    ///   - extraLabels: labels that every series gets, such as `job` and `instance`. They win over a series' own.
    ///   - limits: where a request ends and the next begins.
    public init(
        _ metricsProtocol: MetricsProtocol, extraLabels: LabelSet, limits: RequestLimits = .standard
    ) {
        self.limits = limits
        switch metricsProtocol {
        case .remoteWrite, .remoteWrite2, .otlp: writer = .remoteWrite(RemoteWriteEncoder(extraLabels: extraLabels))
        }
    }

    /// Encodes the part of `snapshot` that is in `shard` into `buffer`, request by request, and hands each to `body` with the
    /// number of its samples. The buffer is emptied before each request and holds the last one afterwards.
    public mutating func encode<Failure: Error>(
        _ snapshot: MetricsSnapshot, shard: Shard = .whole, into buffer: inout WireBuffer,
        _ body: (_ request: borrowing WireBuffer, _ samples: Int) throws(Failure) -> Void
    ) throws(Failure) {
        switch writer {
        case .remoteWrite(let writer): try walk(writer, snapshot, shard, &buffer, body)
        }
    }

    private mutating func walk<Format: RequestWriter, Failure: Error>(
        _ format: Format, _ snapshot: MetricsSnapshot, _ shard: Shard, _ buffer: inout WireBuffer,
        _ body: (_ request: borrowing WireBuffer, _ samples: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var inRequest = 0
        buffer.removeAll()
        format.begin(&scratch, &buffer)
        for family in MetricFamily.allCases {
            let samples = snapshot[family]
            var isOpen = false
            var isContinued = false
            for index in samples.indices {
                guard shard.contains(family, samples[index].labels) else { continue }
                if inRequest > 0 {
                    let isFull =
                        inRequest == limits.samples
                        || format.size(scratch, buffer) + format.bound(samples[index], family) > limits.bytes
                    if isFull {
                        format.finish(&scratch, &buffer)
                        try body(buffer, inRequest)
                        inRequest = 0
                        isOpen = false
                        buffer.removeAll()
                        format.begin(&scratch, &buffer)
                    }
                }
                if !isOpen {
                    format.beginFamily(family, isContinued: isContinued, &scratch, &buffer)
                    isOpen = true
                    isContinued = true
                }
                format.append(samples[index], family, timestamp: snapshot.timestamp, &scratch, &buffer)
                inRequest += 1
            }
        }
        if inRequest > 0 {
            format.finish(&scratch, &buffer)
            try body(buffer, inRequest)
        }
    }
}
