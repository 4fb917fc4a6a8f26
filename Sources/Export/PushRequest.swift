import NIOCore
import Wire

/// A request that waits or is on its way.
struct PushRequest: Sendable {
    let body: ByteBuffer
    let samples: Int
    let packaging: Packaging
    /// Which series are in it; nil if that is not known, as in a record of an agent without shards.
    let shard: Shard?
    /// Items that were enqueued before it.
    var position: UInt64 = 0
    /// Bytes before compression; 0 if that is not known, as of what was in the spool.
    var plainBytes = 0
    /// Its record in the spool, if it has one.
    var sequence: UInt64?

    /// Whether the two may hold samples of one series, so that they must be sent in order.
    func sharesSeries(with other: PushRequest) -> Bool {
        guard let shard, let another = other.shard else { return true }
        return shard.count != another.count || shard.index == another.index
    }
}
