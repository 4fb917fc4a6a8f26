/// How large a spool may become and when its files are made durable.
public struct SpoolConfiguration: Sendable, Equatable {
    /// When written data is forced to the disk (fdatasync(2)). A process that is killed loses nothing either way; this is
    /// about power.
    public enum Durability: String, Sendable, CaseIterable {
        /// After every record.
        case always
        /// When a segment is full, and at the end.
        case segment
        case never
    }

    /// Bytes of all segments together.
    public var maximumBytes: Int
    /// Bytes after which a segment is ended: what is dropped or deleted is a segment at a time.
    public var segmentBytes: Int
    public var durability: Durability

    public init(maximumBytes: Int = 500 << 20, segmentBytes: Int? = nil, durability: Durability = .segment) {
        self.maximumBytes = maximumBytes
        self.segmentBytes = segmentBytes ?? max(64 << 10, min(16 << 20, maximumBytes / 8))
        self.durability = durability
    }
}
