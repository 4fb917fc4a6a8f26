/// Samples, log records or spans that never arrive, by reason. What a spool loses, it counts itself.
public struct PushLosses: Sendable, Equatable {
    /// The server refused the request.
    public var refused: UInt64 = 0
    /// The server took the request, and said that it did not store all of it.
    public var notStored: UInt64 = 0
    /// The queue in memory was full.
    public var overflow: UInt64 = 0
    /// The agent ended, and there was no spool.
    public var shutdown: UInt64 = 0
    /// The request could not be encoded, or a record of the spool not be understood.
    public var malformed: UInt64 = 0

    public init() {}

    /// With the names that `martlet_dropped_total` has for the reasons.
    public func all(of signal: Signal) -> [(reason: String, items: UInt64)] {
        [
            ("refused", refused), ("not_stored", notStored), ("queue_full", overflow), ("shutdown", shutdown),
            ("malformed", malformed),
        ].map { ("push_\($0)_\(signal.itemsInReasons)", $1) }
    }

    /// Of all reasons.
    public var total: UInt64 { refused + notStored + overflow + shutdown + malformed }

    static func + (one: PushLosses, other: PushLosses) -> PushLosses {
        var sum = one
        sum.refused += other.refused
        sum.notStored += other.notStored
        sum.overflow += other.overflow
        sum.shutdown += other.shutdown
        sum.malformed += other.malformed
        return sum
    }
}
