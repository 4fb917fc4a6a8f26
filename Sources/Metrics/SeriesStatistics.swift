/// What `SeriesTable` held and left out.
public struct SeriesStatistics: Sendable, Hashable {
    /// Series of the last snapshot that their container's own limit held back.
    public var heldByContainer = 0
    /// Series of the last snapshot that the limit of the agent held back.
    public var heldByAgent = 0
    /// The same, added up over all snapshots.
    public var leftOutByContainer: UInt64 = 0
    public var leftOutByAgent: UInt64 = 0
    /// Samples that came twice in one snapshot, and samples whose hash too many others have.
    public var duplicates: UInt64 = 0
    public var collisions: UInt64 = 0
    /// Signs that a series has ended.
    public var staleMarkers: UInt64 = 0

    public init() {}
}
