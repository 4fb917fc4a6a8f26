public import Synchronization

/// Room beside a label set for bytes that are made from it once and then only copied: its text on the page, or its labels as a
/// protocol of the push path wants them.
///
/// Who comes first keeps it: the bytes have an owner, they never change, and they live as long as the label set. Any other
/// owner finds nothing and makes its own bytes each time. The bytes are one block of memory behind one word, because there is
/// such a word in every label set of every container.
public struct LabelCache: ~Copyable, Sendable {
    /// Gives back what the bytes stand for, when the label set dies.
    public typealias Release = @convention(c) (_ bytes: UnsafeRawPointer, _ count: Int) -> Void

    @usableFromInline
    struct Header {
        @usableFromInline let owner: UInt32
        @usableFromInline let split: UInt32
        @usableFromInline let weight: UInt32
        @usableFromInline let count: UInt32
        let release: Release?
    }

    /// The address of a `Header` with its bytes behind it, or 0. It is written once. The release of the exchange makes the
    /// block's contents visible to the acquiring load that finds its address.
    @usableFromInline
    let address = Atomic<UInt>(0)

    public init() {}

    deinit {
        // Nobody else has the label set any more, and giving up a reference orders what came before.
        guard let block = UnsafeMutableRawPointer(bitPattern: address.load(ordering: .relaxed)) else { return }
        let header = block.assumingMemoryBound(to: Header.self).pointee
        header.release?(block + MemoryLayout<Header>.size, Int(header.count))
        block.deallocate()
    }

    /// What `owner` keeps here; valid as long as the label set.
    @inlinable
    public borrowing func entry(of owner: UInt32) -> Entry? {
        guard let block = UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return nil }
        let entry = Entry(block)
        guard entry.header.pointee.owner == owner else { return nil }
        return entry
    }

    /// Where the bytes are, if any: for one who will read them soon.
    @inlinable
    public var hint: UnsafeRawPointer? { UnsafeRawPointer(bitPattern: address.load(ordering: .relaxed)) }

    /// Whether nobody keeps anything here.
    public var isEmpty: Bool { address.load(ordering: .relaxed) == 0 }

    /// Keeps a copy of `bytes` unless something is kept already.
    ///
    /// - Parameters:
    ///   - split: a position in `bytes`, for the owner.
    ///   - weight: a number, for the owner.
    ///   - release: called with the kept bytes when the label set dies; not called if they were not kept.
    /// - Returns: whether they are kept now.
    @discardableResult
    public borrowing func keep(
        _ bytes: UnsafeRawBufferPointer, owner: UInt32, split: Int = 0, weight: Int = 0, release: Release? = nil
    ) -> Bool {
        guard isEmpty, bytes.count <= Int32.max else { return false }
        let size = MemoryLayout<Header>.size
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: size + bytes.count, alignment: MemoryLayout<Header>.alignment)
        block.initializeMemory(
            as: Header.self,
            to: Header(
                owner: owner, split: UInt32(clamping: split), weight: UInt32(clamping: weight),
                count: UInt32(bytes.count), release: release))
        if let source = bytes.baseAddress { (block + size).copyMemory(from: source, byteCount: bytes.count) }
        let isFirst = address.compareExchange(
            expected: 0, desired: UInt(bitPattern: block), successOrdering: .releasing, failureOrdering: .relaxed
        ).exchanged
        if !isFirst { block.deallocate() }
        return isFirst
    }

    /// Bytes that are kept, with what their owner noted of them. It points into the cache: whoever holds one holds the label set
    /// as well. (Were it non-escapable, Swift 6.3 could not see that a class keeps its constants in place.)
    public struct Entry {
        @usableFromInline
        let header: UnsafePointer<Header>

        @inlinable
        init(_ block: UnsafeRawPointer) { header = block.assumingMemoryBound(to: Header.self) }

        @inlinable public var split: Int { Int(header.pointee.split) }
        @inlinable public var weight: Int { Int(header.pointee.weight) }
        @inlinable public var count: Int { Int(header.pointee.count) }

        /// Where the bytes begin, aligned for `UInt64`.
        @inlinable public var start: UnsafeRawPointer { UnsafeRawPointer(header + 1) }
        @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
    }
}
