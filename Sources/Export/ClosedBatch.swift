import Wire

/// A request that nothing is added to any more, not yet compressed.
final class ClosedBatch: Sendable {
    let request: WireBuffer
    let items: Int
    /// Items in batches before it.
    let position: UInt64

    init(_ request: consuming WireBuffer, items: Int, position: UInt64) {
        self.request = request
        self.items = items
        self.position = position
    }
}
