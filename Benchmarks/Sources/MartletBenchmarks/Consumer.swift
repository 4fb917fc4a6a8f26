import CBench
import CEvents
import Containers
import Ring

/// Takes records as the agent's drain does: a batch of addresses from the ring, then each record decoded in place.
final class Consumer {
    private static let batchSize = 512

    private var ring: BPFRing
    private let scratch: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>

    init(_ producer: Producer) throws {
        ring = try BPFRing(descriptor: producer.ring, capacity: producer.capacity)
        scratch = .allocate(capacity: Self.batchSize)
    }

    deinit { scratch.deallocate() }

    /// Consumes everything there is; the digest proves what was read.
    func consume() -> (records: Int, digest: UInt64) {
        var records = 0
        var digest: UInt64 = 0
        while true {
            var filled = 0
            let taken = ring.take(limit: Self.batchSize) { record in
                scratch[filled] = record
                filled += 1
            }
            if taken == 0 { return (records, digest) }
            let batch = RecordBatch(UnsafeBufferPointer(rebasing: scratch[..<filled]))
            for index in 0..<batch.count { digest &+= Self.decode(batch, index) }
            ring.release()
            records += taken
        }
    }

    /// The same as `decode` in CBench/consumers.c.
    private static func decode(_ batch: RecordBatch, _ index: Int) -> UInt64 {
        guard let header = batch.load(index, as: martlet_header.self) else { return 0 }
        switch header.type {
        case MARTLET_TCP_LISTEN_OPEN.rawValue, MARTLET_TCP_LISTEN_CLOSE.rawValue:
            return batch.load(index, as: martlet_listen.self)?.ends.id ?? 0
        case MARTLET_TCP_ESTABLISHED.rawValue...MARTLET_TCP_CLOSED.rawValue:
            guard let event = batch.load(index, as: martlet_tcp.self) else { return 0 }
            return event.header.time_ns &+ event.header.cgroup &+ event.ends.id &+ UInt64(event.ends.remote_port)
                &+ event.duration_ns &+ event.bytes_sent &+ event.bytes_received &+ UInt64(event.role)
        default: return 0
        }
    }
}
