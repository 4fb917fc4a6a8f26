import Metrics

/// What the encoder of one protocol knows: how a request begins, how a series is written, how a request ends.
///
/// A writer is an immutable value; what changes while a request is written is in the scratch. `MetricsEncoder` is specialised
/// for each writer.
protocol RequestWriter: Sendable {
    /// An empty request; its samples have `timestamp`.
    func begin(timestamp: Int64, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)

    /// The next series are of `family`. Writes nothing.
    func beginFamily(_ family: MetricFamily, _ scratch: inout EncodingScratch)

    /// Who keeps bytes in label sets for this writer.
    var owner: UInt32 { get }

    /// Appends a series whose labels are kept, unless the request would grow by more than `room` bytes.
    ///
    /// - Parameter created: when the series began, in milliseconds since the Unix epoch; 0 if that is not known.
    func append(
        _ kept: LabelCache.Entry, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool

    /// The same for a series whose labels are not kept yet, or for which somebody else keeps something.
    func append(
        new labels: LabelSet, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool

    /// Whether the three families of a histogram are one metric. If so, `appendHistograms` gets them all.
    static var mergesHistograms: Bool { get }

    /// Appends the histograms of a family and the two behind it, from where `walk` stands, and counts them in `written`; false if
    /// one is left that the limits forbid. A series larger than a request may be goes alone.
    func appendHistograms(
        _ family: MetricFamily, of snapshot: MetricsSnapshot, _ shard: Shard, _ walk: inout HistogramWalk,
        _ written: inout Int, _ limits: RequestLimits, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool

    /// Bytes of the request if it ended now.
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int

    /// Nothing follows.
    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)
}

extension RequestWriter {
    static var mergesHistograms: Bool { false }

    func appendHistograms(
        _ family: MetricFamily, of snapshot: MetricsSnapshot, _ shard: Shard, _ walk: inout HistogramWalk,
        _ written: inout Int, _ limits: RequestLimits, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool { true }
}
