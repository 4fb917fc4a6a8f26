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

    /// Appends a series, unless the request would grow by more than `room` bytes.
    func append(
        _ sample: borrowing MetricsSnapshot.Sample, _ family: MetricFamily, _ opening: FamilyOpening, room: Int,
        _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool

    /// Bytes of the request if it ended now.
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int

    /// Nothing follows.
    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)
}
