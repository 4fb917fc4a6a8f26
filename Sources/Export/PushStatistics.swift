/// What pushing to one endpoint, or to all of them, did so far, for the agent's own metrics.
public struct PushStatistics: Sendable, Equatable {
    /// Requests that the server took.
    public var sentRequests: UInt64 = 0
    /// Attempts that failed and are made again: network errors, time-outs, 429 and 5xx.
    public var failedRequests: UInt64 = 0
    /// Requests that the server refused for good.
    public var rejectedRequests: UInt64 = 0
    /// Requests given up because the queue was full or the agent stopped.
    public var droppedRequests: UInt64 = 0
    /// Requests that were sent again in a form that the server takes.
    public var repackedRequests: UInt64 = 0
    /// Requests that were cut in two because the server found them too large.
    public var halvedRequests: UInt64 = 0
    /// Bytes of the bodies that the server took.
    public var sentBytes: UInt64 = 0
    /// Samples in requests that the server took.
    public var sentSamples: UInt64 = 0
    /// Samples that never arrive, by reason.
    public var losses = PushLosses()
    /// Requests that wait in memory, or are on their way.
    public var queuedRequests = 0
    /// Those of them that are not on disk, and their bytes.
    public var heldRequests = 0
    public var heldBytes = 0
    /// Items of which nothing is left to be done: sent, on disk, or dropped, and all before them as well.
    public var settledItems: UInt64 = 0
    /// Times that the spool could not be written, or read.
    public var failedSpoolWrites: UInt64 = 0
    public var failedSpoolReads: UInt64 = 0

    public init() {}

    /// Samples in requests that were rejected or dropped.
    public var droppedSamples: UInt64 { losses.total }

    static func + (one: PushStatistics, other: PushStatistics) -> PushStatistics {
        var sum = one
        sum.sentRequests += other.sentRequests
        sum.failedRequests += other.failedRequests
        sum.rejectedRequests += other.rejectedRequests
        sum.droppedRequests += other.droppedRequests
        sum.repackedRequests += other.repackedRequests
        sum.halvedRequests += other.halvedRequests
        sum.sentBytes += other.sentBytes
        sum.sentSamples += other.sentSamples
        sum.losses = one.losses + other.losses
        sum.queuedRequests += other.queuedRequests
        sum.heldRequests += other.heldRequests
        sum.heldBytes += other.heldBytes
        sum.settledItems += other.settledItems
        sum.failedSpoolWrites += other.failedSpoolWrites
        sum.failedSpoolReads += other.failedSpoolReads
        return sum
    }
}
