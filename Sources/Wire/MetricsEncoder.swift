public import Metrics

/// Writes snapshots as requests of one protocol.
///
/// Every sample has the snapshot's timestamp. Series of one family keep their order, and a series is always in the same shard.
/// An encoder has one owner; shards that are encoded side by side have an encoder each.
public struct MetricsEncoder: ~Copyable, Sendable {
    private enum Writer: Sendable {
        case remoteWrite(RemoteWriteEncoder)
        case remoteWrite2(RemoteWrite2Encoder)
        case otlp(OTLPEncoder)
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
        case .remoteWrite: writer = .remoteWrite(RemoteWriteEncoder(extraLabels: extraLabels))
        case .remoteWrite2: writer = .remoteWrite2(RemoteWrite2Encoder(extraLabels: extraLabels))
        case .otlp: writer = .otlp(OTLPEncoder(extraLabels: extraLabels))
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
        case .remoteWrite2(let writer): try walk(writer, snapshot, shard, &buffer, body)
        case .otlp(let writer): try walk(writer, snapshot, shard, &buffer, body)
        }
    }

    private mutating func walk<Format: RequestWriter, Failure: Error>(
        _ format: Format, _ snapshot: MetricsSnapshot, _ shard: Shard, _ buffer: inout WireBuffer,
        _ body: (_ request: borrowing WireBuffer, _ samples: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var inRequest = 0
        buffer.removeAll()
        format.begin(timestamp: snapshot.timestamp, &scratch, &buffer)
        for family in MetricFamily.allCases {
            let samples = snapshot[family]
            if samples.isEmpty { continue }
            format.beginFamily(family, &scratch)
            var opening = FamilyOpening.first
            let span = samples.span
            for index in span.indices {
                if shard.count > 1, !shard.contains(family, span[index].labels) { continue }
                // A series that is larger than a request may be goes alone.
                let room = inRequest == 0 ? Int.max : limits.bytes - format.size(scratch, buffer)
                if inRequest < limits.samples,
                    format.append(span[index], family, opening, room: room, &scratch, &buffer)
                {
                    inRequest += 1
                    opening = .none
                    continue
                }
                format.finish(&scratch, &buffer)
                try body(buffer, inRequest)
                buffer.removeAll()
                format.begin(timestamp: snapshot.timestamp, &scratch, &buffer)
                if opening == .none { opening = .continued }
                _ = format.append(span[index], family, opening, room: .max, &scratch, &buffer)
                inRequest = 1
                opening = .none
            }
        }
        if inRequest > 0 {
            format.finish(&scratch, &buffer)
            try body(buffer, inRequest)
        }
    }
}
