import Metrics

/// What the encoder of one protocol knows: how a request begins, how a series is written, how a request ends.
///
/// A writer is an immutable value; what changes while a request is written is in the scratch. `MetricsEncoder` is specialised
/// for each writer.
protocol RequestWriter: Sendable {
    /// An empty request.
    func begin(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)

    /// The next series are of `family`; called again in the next request if the family goes on there, then with
    /// `isContinued`.
    func beginFamily(
        _ family: MetricFamily, isContinued: Bool, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)

    /// The request grows by no more than this through `append`, with `beginFamily` before it.
    func bound(_ sample: borrowing MetricsSnapshot.Sample, _ family: MetricFamily) -> Int

    func append(
        _ sample: borrowing MetricsSnapshot.Sample, _ family: MetricFamily, timestamp: Int64,
        _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)

    /// Bytes of the request if it ended now.
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int

    /// Nothing follows.
    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer)
}
