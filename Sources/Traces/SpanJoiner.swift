internal import Network
internal import Protocols
internal import Wire

/// Finds the two exchanges that are one request, seen by its client and by its server on the same node.
///
/// They are the same request if the ends of the connection are each other's, the request's text is the same, and the server's
/// part lies within the client's. Where several answer to that, the oldest does with protocols that answer in order; with
/// others none does. Loopback addresses mean the same connection only within one network namespace.
///
/// Bounded: it remembers the last few exchanges of a connection, and forgets the oldest where connections share a place.
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

        var bucket: Int {
            var mixed = client.address.mappedLow ^ server.address.mappedLow &* 0x9E37_79B9_7F4A_7C15
            mixed ^= UInt64(client.port) << 16 | UInt64(server.port)
            mixed = (mixed ^ mixed >> 31) &* 0xBF58_476D_1CE4_E5B9
            return Int(mixed >> 33) % SpanJoiner.buckets
        }
    }

    private struct Slot {
        var key: Key
        var seen: Seen
    }

    static let buckets = 256
    private static let ways = 8

    private var slots: [Slot?] = []
    private var next: [UInt8] = []

    /// The other side of an exchange, which is then forgotten.
    mutating func other(
        of key: Key, isInbound: Bool, start: UInt64, end: UInt64, isOrdered: Bool
    ) -> Seen? {
        guard !slots.isEmpty else { return nil }
        let first = key.bucket * Self.ways
        var found: Int?
        for index in first..<first + Self.ways {
            guard let slot = slots[index], slot.seen.isInbound != isInbound, slot.key == key else { continue }
            let (outer, inner) =
                isInbound
                ? ((slot.seen.start, slot.seen.end), (start, end)) : ((start, end), (slot.seen.start, slot.seen.end))
            guard outer.0 <= inner.0, inner.1 <= outer.1 else { continue }
            if let before = found {
                if !isOrdered { return nil }
                guard let older = slots[before], slot.seen.start < older.seen.start else { continue }
            }
            found = index
        }
        guard let found else { return nil }
        defer { slots[found] = nil }
        return slots[found]?.seen
    }

    /// Remembers an exchange whose other side has not come yet.
    mutating func remember(_ seen: Seen, _ key: Key) {
        if slots.isEmpty {
            slots = Array(repeating: nil, count: Self.buckets * Self.ways)
            next = Array(repeating: 0, count: Self.buckets)
        }
        let bucket = key.bucket
        slots[bucket * Self.ways + Int(next[bucket])] = Slot(key: key, seen: seen)
        next[bucket] = (next[bucket] + 1) % UInt8(Self.ways)
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
