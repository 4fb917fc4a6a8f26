/// A table that is bounded and forgets: two generations, of which the older is dropped as a whole.
///
/// A generation is closed when it is full or as old as `lifetime`. So an entry lives one to two lifetimes after it was
/// written or found, and less where more than `capacity` entries come in that time; those are counted as `evicted`. Nothing
/// is allocated once both generations have grown.
public struct AgingTable<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private var bornAt: UInt64 = 0
    private let capacity: Int
    private let lifetime: UInt64
    /// Entries that had to go before their time.
    public private(set) var evicted: UInt64 = 0

    /// `capacity` entries a generation; `lifetime` in nanoseconds.
    public init(capacity: Int, lifetime: UInt64) {
        self.capacity = capacity
        self.lifetime = lifetime
    }

    public var isEmpty: Bool { young.isEmpty && old.isEmpty }
    public var count: Int { young.count + old.count }

    /// Writes an entry; `now` is CLOCK_MONOTONIC.
    public mutating func insert(_ value: Value, for key: Key, now: UInt64) {
        age(now: now)
        if young.count >= capacity {
            evicted &+= UInt64(old.count)
            turn(now)
        }
        young[key] = value
    }

    /// Drops what is too old.
    public mutating func age(now: UInt64) {
        if young.isEmpty, old.isEmpty { bornAt = now }
        if now > bornAt, now - bornAt >= lifetime { turn(now) }
    }

    private mutating func turn(_ now: UInt64) {
        swap(&young, &old)
        young.removeAll(keepingCapacity: true)
        bornAt = now
    }

    /// The entry, which stays.
    public subscript(key: Key) -> Value? { young[key] ?? (old.isEmpty ? nil : old[key]) }

    /// The entry, which is young again.
    public mutating func use(_ key: Key, now: UInt64) -> Value? {
        if let value = young[key] { return value }
        guard !old.isEmpty, let value = old.removeValue(forKey: key) else { return nil }
        insert(value, for: key, now: now)
        return value
    }

    /// Takes the entry out.
    public mutating func take(_ key: Key) -> Value? {
        let value = young.removeValue(forKey: key)
        // An older one of the same key must not come back.
        let older = old.isEmpty ? nil : old.removeValue(forKey: key)
        return value ?? older
    }

    /// Keeps what `isKept` says.
    public mutating func filter(_ isKept: (Key, Value) -> Bool) {
        young = young.filter { isKept($0.key, $0.value) }
        old = old.filter { isKept($0.key, $0.value) }
    }

    public func forEach(_ body: (Key, Value) -> Void) {
        for (key, value) in old where young[key] == nil { body(key, value) }
        for (key, value) in young { body(key, value) }
    }
}
