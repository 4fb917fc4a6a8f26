/// Ring records in place, in the order in which they were written: valid during the call that receives them, no longer.
///
/// A batch is how events travel from the rings to a signal, and from there to a container: a few words, no copy, no
/// allocation. Its members are inlinable because the consumers live in other modules: a generic `load` that is called
/// unspecialized costs five times the record.
public struct RecordBatch: @unchecked Sendable {
    // Sendable only from actor to actor of one lane, inside one synchronous call: nobody keeps a batch.
    @usableFromInline let records: UnsafeBufferPointer<UnsafeRawBufferPointer>

    /// The records must outlive every use of the batch.
    @inlinable
    public init(_ records: UnsafeBufferPointer<UnsafeRawBufferPointer>) { self.records = records }

    @inlinable
    public var count: Int { records.count }

    @inlinable
    public subscript(index: Int) -> UnsafeRawBufferPointer { records[index] }

    /// The records from `range.lowerBound` up to `range.upperBound`.
    @inlinable
    public subscript(range: Range<Int>) -> RecordBatch {
        RecordBatch(UnsafeBufferPointer(rebasing: records[range]))
    }

    /// Reads a fixed-size event; nil if the record is shorter than that.
    @inlinable
    public func load<Event: BitwiseCopyable>(_ index: Int, as type: Event.Type) -> Event? {
        let record = records[index]
        // Records are 8-byte aligned in the ring (kernel/bpf/ringbuf.c), as every event layout is.
        return record.count >= MemoryLayout<Event>.size ? record.load(as: Event.self) : nil
    }
}
