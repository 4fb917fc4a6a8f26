public import Metrics

/// A part of all series. A series is always in the same one, so that its samples keep their order when shards are sent side by
/// side.
public struct Shard: Sendable, Equatable {
    public let index: Int
    public let count: Int

    /// Shard `index` (from 0) of `count`.
    public init(_ index: Int, of count: Int) {
        precondition(index >= 0 && index < count, "shard \(index) of \(count)")
        self.index = index
        self.count = count
    }

    /// All series.
    public static let whole = Shard(0, of: 1)

    public func contains(_ family: MetricFamily, _ labels: LabelSet) -> Bool {
        count == 1 || contains(family, hash: labels.hash)
    }

    /// The same for a series whose labels have this hash.
    func contains(_ family: MetricFamily, hash: UInt64) -> Bool {
        // The finalizer of MurmurHash3: every bit of the label hash and of the family moves every bit of the result.
        var mixed = hash ^ (UInt64(family.rawValue) &* 0x9E37_79B9_7F4A_7C15)
        mixed ^= mixed >> 33
        mixed = mixed &* 0xFF51_AFD7_ED55_8CCD
        mixed ^= mixed >> 33
        // The high half of the product spreads a 64-bit number evenly over `count`, without a division.
        return mixed.multipliedFullWidth(by: UInt64(count)).high == UInt64(index)
    }
}
