/// What remote write did so far, for the agent's own metrics.
public struct RemoteWriteStatistics: Sendable, Equatable {
    /// Snapshots that were taken to be sent. Each one shows how many came before it: a gap at the receiver is a lost one.
    public var snapshots: UInt64 = 0
    /// Requests that the server took.
    public var sentRequests: UInt64 = 0
    /// Attempts that failed and are made again: network errors, time-outs, 429 and 5xx.
    public var failedRequests: UInt64 = 0
    /// Requests that the server refused for good.
    public var rejectedRequests: UInt64 = 0
    /// Requests given up because the queue was full or the agent stopped.
    public var droppedRequests: UInt64 = 0
    /// Samples in requests that the server took.
    public var sentSamples: UInt64 = 0
    /// Samples in requests that were rejected or dropped.
    public var droppedSamples: UInt64 = 0
    /// Requests that wait in memory, or are on their way.
    public var queuedRequests = 0
    /// Times that the spool could not be written, or read.
    public var failedSpoolWrites: UInt64 = 0
    public var failedSpoolReads: UInt64 = 0

    public init() {}
}
