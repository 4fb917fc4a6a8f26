/// What a spool holds and what it lost. Nothing is lost without being counted here.
public struct SpoolStatistics: Sendable, Equatable {
    /// Bytes of all segments.
    public var bytes = 0
    public var appendedRecords: UInt64 = 0
    public var acknowledgedRecords: UInt64 = 0
    /// Records and their items (samples) that gave way to newer ones because the spool was full.
    public var droppedRecords: UInt64 = 0
    public var droppedItems: UInt64 = 0
    /// Records that cannot be read any more, as far as their numbers tell; how many items they held is not known.
    public var corruptRecords: UInt64 = 0
    /// Bytes that were passed over to find the next good record.
    public var corruptBytes: UInt64 = 0
    /// Files that are not understood (another version, a broken header): renamed to `NAME.aside`, never deleted.
    public var asideFiles: UInt64 = 0

    public init() {}
}
