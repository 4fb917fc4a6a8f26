internal import Linux

/// A queue of records in files: what cannot be sent now waits here, in order, and survives the process.
///
/// Records are appended to the newest segment and read from the oldest. An acknowledgement covers everything up to its
/// sequence and is kept in a file of its own; a segment whose records are all acknowledged is removed. If the spool would
/// outgrow its limit, the oldest segment is removed unread and counted. docs/spool.md describes the files.
///
/// Invariants: sequences ascend by one over all segments and are never used twice; `segments` is ascending; a segment from
/// before this object was made is never written to again; a record that was taken is never counted as dropped, even if its
/// segment gave way meanwhile: whoever took it has it.
public struct SpoolLog: ~Copyable {
    /// The largest payload in bytes.
    public static let maximumPayload = 64 << 20

    /// No sequence is as large: what says so is damage.
    private static let sequenceLimit: UInt64 = 1 << 62
    private static let acknowledgementName = "acknowledged"
    /// Where its second slot begins: in another sector, so that one torn write cannot hurt both.
    private static let secondSlot = 512

    private struct Segment {
        let first: UInt64
        let name: String
        var bytes: Int
    }

    private let storage: any SpoolStorage
    private let configuration: SpoolConfiguration
    private var segments: [Segment] = []
    /// Whether the last segment may be appended to.
    private var isWriting = false
    /// The sequence of the next record.
    private var next: UInt64 = 1
    private var acknowledged: UInt64 = 0
    private var generation: UInt64 = 0
    /// Where the reader is: a segment by its first sequence, an offset in it, and the sequence that should stand there.
    private var readSegment: UInt64 = 0
    private var readOffset = 0
    private var expected: UInt64 = 1
    private var peeked: SpoolRecord?
    /// The sequences of the records that were taken and are not acknowledged, ascending, and the last one ever taken.
    private var taken: [UInt64] = []
    private var lastTaken: UInt64 = 0
    public private(set) var statistics = SpoolStatistics()

    /// Opens what is there. Reads only the headers of the segments, and the last segment whole.
    public init(
        _ storage: any SpoolStorage, _ configuration: SpoolConfiguration = SpoolConfiguration()
    ) throws(SpoolError) {
        self.storage = storage
        self.configuration = configuration
        let names = try Self.trying("listing the spool") { () throws(Errno) in try storage.names() }
        try readAcknowledgement(names)
        for name in names.sorted() {
            guard let first = SpoolFormat.first(ofName: name) else { continue }
            let size = try Self.trying("reading \(name)") { () throws(Errno) in try storage.size(of: name) }
            if size == 0 {
                // Made, and then the power failed: nothing was ever in it.
                try Self.trying("removing \(name)") { () throws(Errno) in try storage.remove(name) }
                continue
            }
            let header = try read(name, at: 0, SpoolFormat.headerSize)
            guard header.withUnsafeBytes({ SpoolFormat.first(ofSegment: $0) }) == first, first < Self.sequenceLimit
            else {
                try Self.trying("moving \(name) aside") { () throws(Errno) in
                    try storage.rename(name, to: name + ".aside")
                }
                statistics.asideFiles += 1
                continue
            }
            segments.append(Segment(first: first, name: name, bytes: size))
            statistics.bytes += size
        }
        try findNext()
        readSegment = segments.first?.first ?? next
        readOffset = SpoolFormat.headerSize
        expected = acknowledged + 1
        passOver(to: readSegment)
        expected = readSegment
        try removeAcknowledged()
    }

    /// Whether every record is acknowledged. A damaged rest may still be passed over by `peek`.
    public var isEmpty: Bool { segments.isEmpty && taken.isEmpty }

    // MARK: Writing

    /// Appends one record; `items` is what its loss will be counted as. Returns its sequence. After an error nothing was
    /// appended.
    @discardableResult
    public mutating func append(
        _ payload: UnsafeRawBufferPointer, items: UInt32, kind: UInt32 = 0
    ) throws(SpoolError) -> UInt64 {
        guard payload.count <= Self.maximumPayload else { throw .tooLarge(bytes: payload.count) }
        let record = SpoolFormat.record(sequence: next, items: items, kind: kind, payload)
        if isWriting, let last = segments.last, last.bytes > SpoolFormat.headerSize,
            last.bytes + record.count > configuration.segmentBytes
        {
            try seal()
        }
        while segments.count > (isWriting ? 1 : 0),
            statistics.bytes + record.count + SpoolFormat.headerSize > configuration.maximumBytes
        {
            try dropOldest()
        }
        if !isWriting { try begin() }
        let index = segments.count - 1
        let (name, offset) = (segments[index].name, segments[index].bytes)
        let storage = storage
        do throws(Errno) {
            try Self.writing(record) { bytes throws(Errno) in try storage.write(name, at: offset, bytes) }
            if configuration.durability == .always { try storage.synchronize(name) }
        } catch {
            // Half a record must not stand before the next one. Where it cannot be cut off, a new segment begins.
            do throws(Errno) { try storage.truncate(name, to: offset) } catch {
                isWriting = false
                if let size = try? storage.size(of: name) { grow(index, by: size - offset) }
            }
            throw .failed(operation: "writing \(name)", error)
        }
        grow(index, by: record.count)
        statistics.appendedRecords += 1
        defer { next += 1 }
        return next
    }

    /// Makes everything durable, whatever the configuration says.
    public mutating func synchronize() throws(SpoolError) {
        guard isWriting, let last = segments.last else { return }
        let storage = storage
        try Self.trying("synchronizing \(last.name)") { () throws(Errno) in try storage.synchronize(last.name) }
    }

    private mutating func begin() throws(SpoolError) {
        let name = SpoolFormat.name(first: next)
        let header = SpoolFormat.segmentHeader(first: next)
        let storage = storage
        do throws(Errno) {
            try Self.writing(header) { bytes throws(Errno) in try storage.write(name, at: 0, bytes) }
            if configuration.durability != .never { try storage.synchronizeNames() }
        } catch {
            try? storage.remove(name)
            throw .failed(operation: "beginning \(name)", error)
        }
        if segments.isEmpty {
            readSegment = next
            readOffset = SpoolFormat.headerSize
        }
        segments.append(Segment(first: next, name: name, bytes: header.count))
        statistics.bytes += header.count
        isWriting = true
    }

    private mutating func seal() throws(SpoolError) {
        if configuration.durability == .segment { try synchronize() }
        isWriting = false
    }

    private mutating func grow(_ index: Int, by bytes: Int) {
        segments[index].bytes += bytes
        statistics.bytes += bytes
    }

    // MARK: Reading

    /// The oldest record that is not acknowledged; the same one until it is. Damaged records are passed over and counted.
    public mutating func peek() throws(SpoolError) -> SpoolRecord? {
        if peeked == nil { peeked = try takeNext() }
        return peeked
    }

    /// The oldest record that was neither taken nor acknowledged; nil if there is none now. It stays in the files until it is
    /// acknowledged. Damaged records are passed over and counted.
    public mutating func takeNext() throws(SpoolError) -> SpoolRecord? {
        while let index = segments.firstIndex(where: { $0.first == readSegment }) {
            if let found = try record(in: segments[index]) {
                passOver(to: found.sequence)
                expected = found.sequence + 1
                readOffset += SpoolFormat.recordHeaderSize + found.payload.count
                if found.sequence <= acknowledged { continue }
                taken.append(found.sequence)
                lastTaken = found.sequence
                return found
            }
            readOffset = segments[index].bytes
            guard index + 1 < segments.count else {
                if isWriting { return nil }
                // Damage at the end of the last segment: `next` knows how many records that were.
                passOver(to: next)
                expected = next
                try removeAll()
                return nil
            }
            readSegment = segments[index + 1].first
            readOffset = SpoolFormat.headerSize
            passOver(to: readSegment)
            expected = readSegment
        }
        return nil
    }

    /// Everything up to `sequence` has arrived: it is not read again, also not after a restart.
    public mutating func acknowledge(_ sequence: UInt64) throws(SpoolError) {
        if let record = peeked, record.sequence <= sequence { peeked = nil }
        let pending = taken.count
        taken.removeAll { $0 <= sequence }
        statistics.acknowledgedRecords += UInt64(pending - taken.count)
        guard sequence > acknowledged, sequence < next else { return }
        acknowledged = sequence
        try writeAcknowledgement()
        try removeAcknowledged()
    }

    private mutating func writeAcknowledgement() throws(SpoolError) {
        generation += 1
        let bytes = SpoolFormat.acknowledgement(generation: generation, sequence: acknowledged)
        let offset = generation % 2 == 0 ? 0 : Self.secondSlot
        let storage = storage
        do throws(Errno) {
            try Self.writing(bytes) { bytes throws(Errno) in
                try storage.write(Self.acknowledgementName, at: offset, bytes)
            }
            if configuration.durability == .always { try storage.synchronize(Self.acknowledgementName) }
        } catch {
            throw .failed(operation: "writing \(Self.acknowledgementName)", error)
        }
    }

    /// The next intact record at or after the reader's place, to which the reader is moved; nil if the segment has none.
    private mutating func record(in segment: Segment) throws(SpoolError) -> SpoolRecord? {
        guard segment.bytes - readOffset >= SpoolFormat.recordHeaderSize else {
            countDamage(segment.bytes - readOffset)
            return nil
        }
        let bytes = try read(segment.name, at: readOffset, SpoolFormat.recordHeaderSize)
        if let header = bytes.withUnsafeBytes({ SpoolFormat.recordHeader($0) }),
            isPlausible(header, in: segment, at: readOffset)
        {
            let whole = try read(segment.name, at: readOffset, SpoolFormat.recordHeaderSize + header.length)
            if whole.withUnsafeBytes({ SpoolFormat.isIntact($0, at: 0, header) }) {
                return SpoolRecord(
                    sequence: header.sequence, items: header.items, kind: header.kind,
                    payload: Array(whole[SpoolFormat.recordHeaderSize...]))
            }
        }
        return try search(in: segment)
    }

    /// Looks for an intact record behind damage, byte by byte.
    private mutating func search(in segment: Segment) throws(SpoolError) -> SpoolRecord? {
        let rest = try read(segment.name, at: readOffset, segment.bytes - readOffset)
        let found = rest.withUnsafeBytes { bytes -> (offset: Int, header: SpoolFormat.RecordHeader)? in
            var offset = 1
            while let header = SpoolFormat.recordHeader(bytes, at: offset) {
                // A checksum is taken only where the cheap look agrees.
                if isPlausible(header, in: segment, at: readOffset + offset),
                    SpoolFormat.isIntact(bytes, at: offset, header)
                {
                    return (offset, header)
                }
                offset += 1
            }
            return nil
        }
        guard let (offset, header) = found else {
            countDamage(rest.count)
            return nil
        }
        countDamage(offset)
        readOffset += offset
        let start = offset + SpoolFormat.recordHeaderSize
        return SpoolRecord(
            sequence: header.sequence, items: header.items, kind: header.kind,
            payload: Array(rest[start..<(start + header.length)]))
    }

    private func isPlausible(_ header: SpoolFormat.RecordHeader, in segment: Segment, at offset: Int) -> Bool {
        header.length <= Self.maximumPayload && offset + SpoolFormat.recordHeaderSize + header.length <= segment.bytes
            && header.sequence >= max(expected, segment.first) && header.sequence < Self.sequenceLimit
            // No segment holds more records than headers fit in it.
            && header.sequence - segment.first <= UInt64(segment.bytes / SpoolFormat.recordHeaderSize)
    }

    private mutating func countDamage(_ bytes: Int) { statistics.corruptBytes += UInt64(max(bytes, 0)) }

    /// The records between the expected one and `sequence` are not there; acknowledged ones are no loss.
    private mutating func passOver(to sequence: UInt64) {
        let from = max(expected, acknowledged + 1)
        if sequence > from { statistics.corruptRecords += sequence - from }
    }

    // MARK: Removing

    private mutating func removeAcknowledged() throws(SpoolError) {
        while segments.count > 1, segments[1].first <= acknowledged + 1 { try removeFirst() }
        if segments.count == 1, acknowledged + 1 >= next { try removeAll() }
    }

    private mutating func removeAll() throws(SpoolError) {
        isWriting = false
        while !segments.isEmpty { try removeFirst() }
    }

    private mutating func dropOldest() throws(SpoolError) {
        let segment = segments[0]
        let end = segments.count > 1 ? segments[1].first : next
        let begin = max(
            segment.first, max(acknowledged, lastTaken) + 1, readSegment == segment.first ? expected : 0)
        if end > begin { statistics.droppedRecords += end - begin }
        statistics.droppedItems += try items(in: segment, from: begin)
        // What gave way is done with: after a restart it is no gap.
        if end > acknowledged + 1 {
            acknowledged = end - 1
            try writeAcknowledgement()
        }
        try removeFirst()
    }

    private mutating func removeFirst() throws(SpoolError) {
        let segment = segments[0]
        let storage = storage
        try Self.trying("removing \(segment.name)") { () throws(Errno) in try storage.remove(segment.name) }
        segments.removeFirst()
        statistics.bytes -= segment.bytes
        if segments.isEmpty { isWriting = false }
        if readSegment == segment.first {
            readSegment = segments.first?.first ?? next
            readOffset = SpoolFormat.headerSize
            expected = max(readSegment, lastTaken + 1)
        }
    }

    /// The items of the records from `begin` on, by their headers alone; what is damaged ends the count.
    private borrowing func items(in segment: Segment, from begin: UInt64) throws(SpoolError) -> UInt64 {
        var total: UInt64 = 0
        var offset = SpoolFormat.headerSize
        while offset + SpoolFormat.recordHeaderSize <= segment.bytes {
            let bytes = try read(segment.name, at: offset, SpoolFormat.recordHeaderSize)
            guard let header = bytes.withUnsafeBytes({ SpoolFormat.recordHeader($0) }),
                header.length <= Self.maximumPayload, header.sequence >= segment.first
            else { break }
            if header.sequence >= begin { total += UInt64(header.items) }
            offset += SpoolFormat.recordHeaderSize + header.length
        }
        return total
    }

    // MARK: Opening

    private mutating func readAcknowledgement(_ names: [String]) throws(SpoolError) {
        guard names.contains(Self.acknowledgementName) else {
            // Its name must not come later than what it says.
            try writeAcknowledgement()
            if configuration.durability == .never { return }
            let storage = storage
            return try Self.trying("making the spool's files") { () throws(Errno) in try storage.synchronizeNames() }
        }
        for offset in [0, Self.secondSlot] {
            let bytes = try read(Self.acknowledgementName, at: offset, SpoolFormat.acknowledgementSize)
            if let found = bytes.withUnsafeBytes({ SpoolFormat.acknowledgement($0) }), found.generation > generation,
                found.sequence < Self.sequenceLimit
            {
                (generation, acknowledged) = found
            }
        }
    }

    /// The sequence after the last record, from the last segment.
    private mutating func findNext() throws(SpoolError) {
        next = acknowledged + 1
        guard let last = segments.last else { return }
        (readSegment, readOffset, expected) = (last.first, SpoolFormat.headerSize, last.first)
        let before = statistics
        var end = last.first
        while let found = try record(in: last) {
            end = found.sequence + 1
            expected = end
            readOffset += SpoolFormat.recordHeaderSize + found.payload.count
        }
        // A damaged end was at least one record; its number is not used again, so that it will be counted.
        let isDamaged = statistics.corruptBytes > before.corruptBytes && readOffset < last.bytes
        statistics = before
        next = max(next, end + (isDamaged ? 1 : 0))
    }

    // MARK: Files

    private borrowing func read(_ name: String, at offset: Int, _ count: Int) throws(SpoolError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        do throws(Errno) {
            let got = try Self.reading(&bytes) { buffer throws(Errno) in
                try storage.read(name, at: offset, into: buffer)
            }
            bytes.removeLast(count - got)
        } catch {
            throw .failed(operation: "reading \(name)", error)
        }
        return bytes
    }

    private static func trying<Value>(
        _ operation: @autoclosure () -> String, _ body: () throws(Errno) -> Value
    ) throws(SpoolError) -> Value {
        do throws(Errno) { return try body() } catch { throw .failed(operation: operation(), error) }
    }

    private static func reading(
        _ bytes: inout [UInt8], _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, Errno> in
            do throws(Errno) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func writing(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Errno) -> Void
    ) throws(Errno) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, Errno> in
            do throws(Errno) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
