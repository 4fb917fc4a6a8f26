internal import Glibc
public import Linux
public import Synchronization

/// The consumer of one BPF ring buffer (kernel/bpf/ringbuf.c), reading records in place.
///
/// Layout: one page with the consumer's position, one page with the producer's, then the data, mapped twice in a row so
/// that no record wraps. A record is an 8-byte header (length, with two flag bits; page offset) and its data, padded to 8.
///
/// Memory ordering: the producer's position and each header's length are loaded acquiring, pairing with the kernel's
/// release stores, so that the data is seen complete; the consumer's position is stored releasing, after the last read of
/// the data it frees.
public struct BPFRing: ~Copyable {
    @usableFromInline static let busy: UInt32 = 1 << 31
    @usableFromInline static let discarded: UInt32 = 1 << 30
    @usableFromInline static let headerSize = 8

    @usableFromInline let consumerPage: UnsafeMutableRawPointer
    @usableFromInline let producerPage: UnsafeMutableRawPointer
    @usableFromInline let data: UnsafeRawPointer
    @usableFromInline let mask: UInt
    @usableFromInline var position: UInt
    private let pageSize: Int

    /// Bytes of the ring's data area, a power of two.
    public var capacity: Int { Int(mask) + 1 }

    /// Maps the ring of `descriptor`, a map of type `BPF_MAP_TYPE_RINGBUF` with `capacity` bytes; the descriptor may be
    /// closed afterwards.
    public init(descriptor: Int32, capacity: Int) throws(Errno) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a ring's size is a power of two")
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard let consumer = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), consumer != MAP_FAILED
        else { throw Errno.last }
        guard let producer = mmap(nil, page + 2 * capacity, PROT_READ, MAP_SHARED, descriptor, off_t(page)),
            producer != MAP_FAILED
        else {
            let error = Errno.last
            munmap(consumer, page)
            throw error
        }
        pageSize = page
        consumerPage = consumer
        producerPage = producer
        data = UnsafeRawPointer(producer + page)
        mask = UInt(capacity - 1)
        position = consumer.assumingMemoryBound(to: Atomic<UInt>.self).pointee.load(ordering: .relaxed)
    }

    deinit {
        munmap(consumerPage, pageSize)
        munmap(producerPage, pageSize + 2 * capacity)
    }

    /// Bytes written by the kernel and not yet given back.
    public var pending: Int {
        let end = producerPage.assumingMemoryBound(to: Atomic<UInt>.self).pointee.load(ordering: .acquiring)
        return Int(bitPattern: end &- position)
    }

    /// Bytes taken since the ring was made.
    public var taken: UInt { position }

    /// The kernel's position: the end of what is written or being written.
    public var written: UInt {
        producerPage.assumingMemoryBound(to: Atomic<UInt>.self).pointee.load(ordering: .acquiring)
    }

    /// Calls `body` with the bytes of each complete record, oldest first, until the ring is empty, a record is still being
    /// written, or `limit` records are taken. The bytes stay valid until `release`.
    /// - Returns: the number of records.
    @inlinable
    public mutating func take(limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) -> Int {
        let end = producerPage.assumingMemoryBound(to: Atomic<UInt>.self).pointee.load(ordering: .acquiring)
        return take(limit: limit, upTo: end, body)
    }

    /// The same up to `end`, a value that `written` had after the ring was last emptied that far.
    @inlinable
    public mutating func take(limit: Int, upTo end: UInt, _ body: (UnsafeRawBufferPointer) -> Void) -> Int {
        // Copies: what `body` writes could otherwise be these, and they would be read again for each record.
        let (data, mask) = (data, mask)
        var position = position
        var count = 0
        while position != end, count < limit {
            let word = Self.word(data + Int(bitPattern: position & mask))
            if word & Self.busy != 0 { break }
            let length = Int(word & ~(Self.busy | Self.discarded))
            let size = UInt((length + Self.headerSize + 7) & ~7)
            if word & Self.discarded != 0 {
                position &+= size
                continue
            }
            // Records of one length stand in runs. Within a run the next address does not wait for the length to arrive
            // from memory: the processor predicts that the headers are equal and reads ahead.
            var next = word
            repeat {
                let header = data + Int(bitPattern: position & mask)
                body(UnsafeRawBufferPointer(start: header + Self.headerSize, count: length))
                count += 1
                position &+= size
                if position == end || count == limit { break }
                next = Self.word(data + Int(bitPattern: position & mask))
            } while next == word
        }
        self.position = position
        return count
    }

    /// The first word of a record's header: its length and two flags.
    @inlinable
    static func word(_ header: UnsafeRawPointer) -> UInt32 {
        UnsafeMutableRawPointer(mutating: header).assumingMemoryBound(to: Atomic<UInt32>.self)
            .pointee.load(ordering: .acquiring)
    }

    /// Gives the space of everything taken so far back to the kernel.
    @inlinable
    public mutating func release() {
        consumerPage.assumingMemoryBound(to: Atomic<UInt>.self).pointee.store(position, ordering: .releasing)
    }
}
