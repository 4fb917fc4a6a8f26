internal import Synchronization

/// Named counters for rare things: faults and drops, each with its reason. Safe from any thread; not for hot paths.
///
/// Bounded: after `limit` names, new ones are counted as `other`.
public final class CounterTable: Sendable {
    private let counts = Mutex<[String: UInt64]>([:])
    private let limit: Int

    public init(limit: Int = 256) { self.limit = limit }

    public func add(_ name: String, _ count: UInt64 = 1) {
        counts.withLock { counts in
            let key = counts[name] != nil || counts.count < limit ? name : "other"
            counts[key, default: 0] &+= count
        }
    }

    /// All counters, by name.
    public func all() -> [String: UInt64] { counts.withLock { $0 } }
}
