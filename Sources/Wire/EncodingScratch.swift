/// Memory that an encoder keeps from one series to the next, so that it allocates nothing per series.
struct EncodingScratch: ~Copyable, Sendable {
    /// The labels of one series, where they are not kept ready.
    var labels = WireBuffer(capacity: 1024)
}
