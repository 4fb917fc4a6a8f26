internal import Glibc
internal import Linux

/// A log file that is open, and how far it was read.
final class OpenLogFile {
    let descriptor: FileDescriptor
    /// Counts the files of a follower, in their order.
    let generation: UInt64
    private(set) var identity: FileStatus.Identity
    private(set) var fingerprint: Fingerprint
    private(set) var modified: UInt64
    private(set) var isDeleted = false
    /// Where the first line begins that is not complete.
    var offset: UInt64
    /// Its size when it was last read to the end.
    var seenSize: UInt64 = 0
    /// The time of its last write then. One that was emptied and written anew may be as long as before.
    var seenModified: UInt64 = 0
    /// Whether it has been seen with its first bytes, after it was seen empty.
    var isKnown = false
    /// The rest of a line is passed over, up to its end.
    var isSkipping = false
    /// Whether what is passed over counts as lost: not the rest of a line that began before the agent.
    var countsSkipped = true
    /// CLOCK_MONOTONIC of its last growth.
    var grewAt: UInt64
    var marks = SettlingMarks<UInt64>()
    /// The offset before which everything is settled.
    private(set) var settled: UInt64

    init(_ descriptor: consuming FileDescriptor, offset: UInt64, generation: UInt64, now: UInt64) throws(Errno) {
        let status = try FileStatus(descriptor)
        identity = status.identity
        (modified, seenModified) = (status.modified, status.modified)
        fingerprint = try Self.fingerprint(descriptor)
        self.descriptor = descriptor
        self.offset = offset
        self.generation = generation
        settled = offset
        grewAt = now
    }

    var position: FilePosition {
        FilePosition(identity: identity, fingerprint: fingerprint, offset: settled, modified: modified)
    }

    func settle(_ count: UInt64) -> Bool {
        guard let place = marks.settle(count), place != settled else { return false }
        settled = place
        return true
    }

    /// Looks at the file again; false if it is not the same any more, because it was emptied. Before it is read and looked at once
    /// more, the first bytes of one that has grown need not be compared.
    func check(beforeReading: Bool = false) throws(Errno) -> (status: FileStatus, isSame: Bool) {
        let status = try FileStatus(descriptor)
        (modified, isDeleted) = (status.modified, status.isDeleted)
        if status.size < offset || status.size < UInt64(fingerprint.length) { return (status, false) }
        if (status.size == seenSize && modified == seenModified) || fingerprint.length == 0 { return (status, true) }
        if beforeReading, status.size != seenSize { return (status, true) }
        let found = try Self.fingerprint(descriptor, limit: fingerprint.length)
        return (status, found == fingerprint)
    }

    /// Knows the file by more of its bytes, if it has more by now. False if the first ones are others than before.
    func refingerprint() throws(Errno) -> Bool {
        if fingerprint.length == Fingerprint.longest { return true }
        let (raw, known) = (descriptor.raw, fingerprint)
        let result = withUnsafeTemporaryAllocation(byteCount: Fingerprint.longest, alignment: 8) {
            buffer -> Result<Fingerprint?, Errno> in
            let count = Glibc.pread(raw, buffer.baseAddress, buffer.count, 0)
            if count < 0 { return .failure(Errno.last) }
            // Both are made of the same bytes, so that nothing can happen between.
            let head = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            guard count >= known.length,
                known == Fingerprint(UnsafeRawBufferPointer(rebasing: head[..<known.length]))
            else { return .success(nil) }
            return .success(Fingerprint(head))
        }
        guard let longer = try result.get() else { return false }
        fingerprint = longer
        return true
    }

    /// Reads from `offset` on; what lies before it needs nobody.
    func begin(at offset: UInt64) {
        (self.offset, settled, seenSize) = (offset, offset, offset)
    }

    static func fingerprint(
        _ file: borrowing FileDescriptor, limit: Int = Fingerprint.longest
    ) throws(Errno) -> Fingerprint {
        let raw = file.raw
        let result = withUnsafeTemporaryAllocation(byteCount: limit, alignment: 8) {
            buffer -> Result<Fingerprint, Errno> in
            let count = Glibc.pread(raw, buffer.baseAddress, limit, 0)
            if count < 0 { return .failure(Errno.last) }
            return .success(Fingerprint(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
        }
        return try result.get()
    }
}
