internal import Network
internal import Protocols
internal import Wire

/// Finds the two exchanges that are one request, seen by its client and by its server on the same node.
///
/// They are the same request if the ends of the connection are each other's, the request's text is the same, and the server's
/// part lies within the client's. Where several answer to that, the oldest does with protocols that answer in order; with
/// others none does. Loopback addresses mean the same connection only within one network namespace.
///
/// One side's exchanges often come many at once, before those of the other, which are in another ring. So all of the last second are
/// remembered, as far as `capacity` goes, and the oldest forgotten.
///
/// Invariants: exchanges lie in `slots` in the order in which they came, those that were found are empty places; a chain has the
/// exchanges of one side that share a bucket, in that order too, so that the oldest of all is the first of its chain.
struct SpanJoiner {
    /// What one side's exchange became.
    struct Seen {
        var isInbound: Bool
        var start: UInt64
        var end: UInt64
        var traceHigh: UInt64
        var traceLow: UInt64
        var span: UInt64
        /// Where the parent of a server's span can be set.
        var place: SpanEncoder.ParentPlace?
    }

    /// What tells requests apart beside their times.
    struct Key: Equatable {
        let client: Endpoint
        let server: Endpoint
        let netns: UInt32
        let fingerprint: UInt64

        /// Nil where an exchange cannot be told from others.
        init?(_ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer) {
            guard exchange.method == .request, exchange.status != .unanswered, let remote = peer.remote,
                !remote.address.isUnspecified, !peer.local.address.isUnspecified
            else { return nil }
            let isLoopback = peer.local.address.isLoopback || remote.address.isLoopback
            if isLoopback, peer.netns == 0 { return nil }
            netns = isLoopback ? peer.netns : 0
            (client, server) = peer.isInbound ? (remote, peer.local) : (peer.local, remote)
            fingerprint = Self.fingerprint(exchange.applicationProtocol, text)
        }

        /// FNV-1a over the texts' first bytes (draft-eastlake-fnv).
        private static func fingerprint(_ applicationProtocol: ApplicationProtocol, _ text: borrowing RequestText)
            -> UInt64
        {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(applicationProtocol.rawValue)
            for index in 0..<min(text.count, 4) {
                let entry = text[index]
                switch entry.kind {
                case .operation, .target, .statement, .item:
                    text.withBytes(entry) { bytes in
                        for byte in bytes.prefix(128) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                    }
                default: break
                }
            }
            return hash
        }

        /// Of those that one side saw.
        func hash(isInbound: Bool) -> UInt64 {
            var mixed = client.address.mappedLow ^ server.address.mappedLow &* 0x9E37_79B9_7F4A_7C15
            mixed ^= UInt64(client.port) << 16 | UInt64(server.port)
            mixed = (mixed ^ mixed >> 31) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ fingerprint ^ (isInbound ? 1 << 40 : 0)) &* 0x94D0_49BB_1331_11EB
            return mixed >> 32
        }
    }

    private struct Slot {
        var key: Key
        var seen: Seen
    }

    /// Most exchanges that are remembered: about 2 MiB.
    static let capacity = 16_384
    private static let smallest = 256
    private static let longestWait: UInt64 = 1_000_000_000
    /// Places of a chain that are looked at and stay: so much a search takes, however many exchanges are alike.
    private static let longestWalk = 64
    private static let none: Int32 = -1

    /// A ring; a power of two of places.
    private var slots: [Slot?] = []
    private var first = 0
    private var count = 0
    /// The next place of the same chain.
    private var following: [Int32] = []
    /// By bucket, of which there are as many as places.
    private var heads: [Int32] = []
    private var tails: [Int32] = []

    private var mask: Int { slots.count - 1 }

    /// The other side of an exchange, which is then forgotten.
    mutating func other(
        of key: Key, isInbound: Bool, start: UInt64, end: UInt64, isOrdered: Bool
    ) -> Seen? {
        guard count > 0 else { return nil }
        let bucket = Int(key.hash(isInbound: !isInbound)) & mask
        var found: (place: Int, before: Int32)?
        var (before, place) = (Self.none, heads[bucket])
        var walked = 0
        while place != Self.none, walked < Self.longestWalk {
            let at = Int(place)
            let next = following[at]
            guard let slot = slots[at], slot.seen.isInbound != isInbound, slot.key == key else {
                (before, place) = (place, next)
                walked += 1
                continue
            }
            let theirs = slot.seen
            let isTheSame =
                isInbound
                ? theirs.start <= start && end <= theirs.end : start <= theirs.start && theirs.end <= end
            if isTheSame {
                // Of several alike that are answered in any order it may be each.
                if found != nil { return nil }
                found = (at, before)
                if isOrdered { break }
            } else if isOrdered, theirs.end < start {
                // What comes later on this connection began later still: so it is passed only once.
                unlink(at, after: before, bucket)
                place = next
                continue
            }
            (before, place) = (place, next)
            walked += 1
        }
        guard let found else { return nil }
        defer { unlink(found.place, after: found.before, bucket) }
        return slots[found.place]?.seen
    }

    /// Remembers an exchange whose other side has not come yet.
    mutating func remember(_ seen: Seen, _ key: Key) {
        if count == slots.count { makeRoom(at: seen.end) }
        let place = (first + count) & mask
        slots[place] = Slot(key: key, seen: seen)
        link(place)
        count += 1
    }

    private mutating func link(_ place: Int) {
        guard let slot = slots[place] else { return }
        let bucket = Int(slot.key.hash(isInbound: slot.seen.isInbound)) & mask
        following[place] = Self.none
        if tails[bucket] == Self.none {
            heads[bucket] = Int32(place)
        } else {
            following[Int(tails[bucket])] = Int32(place)
        }
        tails[bucket] = Int32(place)
    }

    private mutating func unlink(_ place: Int, after before: Int32, _ bucket: Int) {
        let next = following[place]
        if before == Self.none { heads[bucket] = next } else { following[Int(before)] = next }
        if next == Self.none { tails[bucket] = before }
        slots[place] = nil
    }

    /// Closes the gaps; then, if that was not enough, takes more memory while the oldest still matters, or forgets the oldest.
    private mutating func makeRoom(at time: UInt64) {
        closeGaps()
        if slots.isEmpty {
            resize(to: Self.smallest)
        } else if count > slots.count / 2 {
            if slots.count < Self.capacity, let oldest = slots[first], oldest.seen.end &+ Self.longestWait > time {
                resize(to: 2 * slots.count)
            } else {
                let forgotten = min(count, slots.count / 4)
                for offset in 0..<forgotten { slots[(first + offset) & mask] = nil }
                first = (first + forgotten) & mask
                count -= forgotten
            }
        }
        for bucket in heads.indices { (heads[bucket], tails[bucket]) = (Self.none, Self.none) }
        for offset in 0..<count { link((first + offset) & mask) }
    }

    private mutating func closeGaps() {
        var kept = 0
        for offset in 0..<count {
            let (from, to) = ((first + offset) & mask, (first + kept) & mask)
            if slots[from] == nil { continue }
            if from != to { slots.swapAt(from, to) }
            kept += 1
        }
        count = kept
    }

    private mutating func resize(to size: Int) {
        let inOrder = (0..<count).map { slots[(first + $0) & mask] }
        slots = inOrder + Array(repeating: nil, count: size - inOrder.count)
        first = 0
        following = Array(repeating: Self.none, count: size)
        heads = following
        tails = following
    }
}

extension ApplicationProtocol {
    /// Whether answers come in the order of requests on a connection.
    var answersInOrder: Bool {
        switch self {
        case .http2, .kafka, .cassandra, .mongo, .rabbitmq, .nats, .dubbo2, .dns, .foundationdb: false
        case .http1, .postgres, .mysql, .redis, .memcached, .clickhouse, .zookeeper: true
        }
    }
}
