/// How far the histograms of one metric are written: an index of the samples of each of its three families, and of those that have
/// ended.
struct HistogramWalk: Sendable {
    var bucket = 0
    var sum = 0
    var count = 0
    /// Of what says that a histogram has ended.
    var ended = 0
}
