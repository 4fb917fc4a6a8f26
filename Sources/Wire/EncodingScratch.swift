/// Memory that an encoder keeps from one series to the next, so that it allocates nothing per series.
struct EncodingScratch: ~Copyable, Sendable {
    /// The labels of one series, where they are not kept ready; in remote write 2.0 its references.
    var labels = WireBuffer(capacity: 1024)

    /// What all series of the family begin with: in remote write 1.0 the field of `__name__`, in 2.0 its references.
    var name = WireBuffer(capacity: 64)

    /// Remote write 2.0: what all series of the family end with.
    var metadata = WireBuffer()

    /// The sample of a series, but for its value.
    var sample = SampleTemplate(timestamp: 0)

    /// Remote write 2.0: the symbols of this request.
    var symbols = SymbolNumbers()

    /// OTLP: the time of the samples, in nanoseconds since the Unix epoch.
    var time: UInt64 = 0

    /// OTLP: the messages that are open, by the positions of their lengths in the buffer.
    var lengths = OpenLengths()

    /// OTLP: hashes of histograms of this family whose count is not shown, though they go on.
    var withoutCount: [UInt64] = []

    /// Positions of lengths that are not known yet, outermost first.
    struct OpenLengths: Sendable {
        var resource = 0
        var scope = 0
        var metric = 0
        var points = 0
        var hasFamily = false
    }
}
