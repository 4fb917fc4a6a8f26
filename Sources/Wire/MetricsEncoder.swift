import CMemory
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
    /// Where a request ends and the next begins.
    public var limits: RequestLimits
    private var scratch = EncodingScratch()

    /// - Parameters:
    ///   - extraLabels: labels that every series gets, such as `job` and `instance`. They win over a series' own.
    ///   - limits: of requests.
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
    /// number of its samples. The buffer is emptied before each request; what is in it afterwards means nothing.
    public mutating func encode<Failure: Error>(
        _ snapshot: MetricsSnapshot, shard: Shard = .whole, into buffer: inout WireBuffer,
        _ body: (_ request: borrowing WireBuffer, _ samples: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var cursor = Cursor()
        while true {
            let samples = fill(snapshot, shard, &cursor, &buffer)
            if samples == 0 { return }
            try body(buffer, samples)
        }
    }

    /// Where the next request begins.
    private struct Cursor {
        /// An index of `MetricFamily.allCases`, and one of that family's samples.
        var family = 0
        var sample = 0
        /// Whether an earlier request has series of this family.
        var isContinued = false
        var histograms = HistogramWalk()
    }

    private mutating func fill(
        _ snapshot: MetricsSnapshot, _ shard: Shard, _ cursor: inout Cursor, _ buffer: inout WireBuffer
    ) -> Int {
        switch writer {
        case .remoteWrite(let writer): fill(with: writer, snapshot, shard, &cursor, &buffer)
        case .remoteWrite2(let writer): fill(with: writer, snapshot, shard, &cursor, &buffer)
        case .otlp(let writer): fill(with: writer, snapshot, shard, &cursor, &buffer)
        }
    }

    /// Writes one request, from where the last one ended, and returns its samples; 0 at the end. Neither the caller's closure nor
    /// its error type comes in here, so that the compiler makes one plain loop for each protocol.
    private mutating func fill<Format: RequestWriter>(
        with format: Format, _ snapshot: MetricsSnapshot, _ shard: Shard, _ cursor: inout Cursor,
        _ buffer: inout WireBuffer
    ) -> Int {
        buffer.removeAll()
        format.begin(timestamp: snapshot.timestamp, &scratch, &buffer)
        var written = 0
        let families = MetricFamily.allCases
        while cursor.family < families.count {
            let family = families[cursor.family]
            let samples = snapshot[family]
            if Format.mergesHistograms, family.histogramPart == .bucket, !samples.isEmpty {
                guard
                    format.appendHistograms(
                        family, of: snapshot, shard, &cursor.histograms, &written, limits, &scratch, &buffer)
                else {
                    format.finish(&scratch, &buffer)
                    return written
                }
                // Sum and count are done with.
                cursor = Cursor(family: cursor.family + 3)
                continue
            }
            if cursor.sample < samples.count {
                format.beginFamily(family, &scratch)
                var opening = cursor.isContinued ? FamilyOpening.continued : .first
                for index in cursor.sample..<samples.count {
                    if shard.count > 1, !shard.contains(family, samples[index].labels) { continue }
                    // A series that is larger than a request may be goes alone.
                    let room = written == 0 ? Int.max : limits.bytes - format.size(scratch, buffer)
                    guard written < limits.samples,
                        append(samples, index, with: format, family, opening, room: room, &buffer)
                    else {
                        cursor.sample = index
                        cursor.isContinued = opening != .first
                        format.finish(&scratch, &buffer)
                        return written
                    }
                    written += 1
                    opening = .none
                }
            }
            cursor = Cursor(family: cursor.family + 1)
        }
        if written > 0 { format.finish(&scratch, &buffer) }
        return written
    }

    /// Appends one series. Label sets lie anywhere in memory, and so do the bytes that they keep; on a dense node that is more
    /// than the caches near the core hold. So those of series further on are asked for in passing.
    @inline(__always)
    private mutating func append<Format: RequestWriter>(
        _ samples: [MetricsSnapshot.Sample], _ index: Int, with format: Format, _ family: MetricFamily,
        _ opening: FamilyOpening, room: Int, _ buffer: inout WireBuffer
    ) -> Bool {
        let (near, far) = (8, 16)
        if index < samples.count - far {
            martlet_prefetch(Self.unretained(samples, index + far).toOpaque())
            let next = Self.unretained(samples, index + near)._withUnsafeGuaranteedRef { $0.encoded.hint }
            if let next { for line in 0..<5 { martlet_prefetch(next + 64 * line) } }
        }
        let (value, created) = (samples[index].value, samples[index].created)
        let kept = Self.unretained(samples, index)._withUnsafeGuaranteedRef { $0.encoded.entry(of: format.owner) }
        if let kept {
            return format.append(kept, value, created: created, family, opening, room: room, &scratch, &buffer)
        }
        return format.append(
            new: samples[index].labels, value, created: created, family, opening, room: room, &scratch, &buffer)
    }

    /// The label set of a sample without a reference counted: the array holds it while it is used here.
    @inline(__always)
    private static func unretained(_ samples: [MetricsSnapshot.Sample], _ index: Int) -> Unmanaged<LabelSet> {
        samples.withUnsafeBufferPointer { Unmanaged.passUnretained($0[index].labels) }
    }
}
