internal import Linux

/// A queue of records in files: what cannot be sent now waits here, in order, and survives the process.
///
/// Records are appended to the newest segment and read from the oldest. An acknowledgement covers everything up to its
/// sequence and is kept in a file of its own; a segment whose records are all acknowledged is removed. If the spool would
/// outgrow its limit, the oldest segment is removed unread and counted. docs/spool.md describes the files.
///
/// Invariants: sequences ascend by one over all segments and are never used twice; `segments` is ascending; a segment from
/// before this object was made is never written to again; a segment is removed only after the acknowledgement that allows it
/// was written; a record that was taken is never counted as dropped, even if its segment gave way meanwhile: whoever took it
/// has it.
public struct SpoolLog: ~Copyable {
    /// The largest payload in bytes.
    public static let maximumPayload = 64 << 20

    /// No sequence is as large: what says so is damage.
    private static let sequenceLimit: UInt64 = 1 << 62
    /// How much of a damaged file is looked at at once, in bytes.
    private static let searchWindow = 1 << 20
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
    /// Whether something may stand behind the end of the last segment that is no record.
    private var isTailTorn = false
    /// The sequence of the next record.
    private var next: UInt64 = 1
    private var acknowledged: UInt64 = 0
    private var generation: UInt64 = 0
    /// What the file says is acknowledged: it lags behind where it could not be written. And what of that is durable.
    private var noted: UInt64 = 0
    private var durablyNoted: UInt64 = 0
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
        let isAcknowledgementKnown = try readAcknowledgement(names)
        // Segments without a record. Only their names are good: all numbers before were given out.
        var begun: [(first: UInt64, name: String)] = []
        for name in names.sorted() {
            guard let first = SpoolFormat.first(ofName: name) else { continue }
            let size = try Self.trying("reading \(name)") { () throws(Errno) in try storage.size(of: name) }
            let isPossible = (1..<Self.sequenceLimit).contains(first)
            let header = try read(name, at: 0, SpoolFormat.headerSize)
            if isPossible, size <= SpoolFormat.headerSize, SpoolFormat.isUnfinishedHeader(header, first: first) {
                // Begun, and then the process died or the power failed.
                begun.append((first, name))
                continue
            }
            guard isPossible, header.withUnsafeBytes({ SpoolFormat.first(ofSegment: $0) }) == first else {
                try moveAside(name, names)
                continue
            }
            segments.append(Segment(first: first, name: name, bytes: size))
            statistics.bytes += size
        }
        if !isAcknowledgementKnown {
            // What came before the first segment is nobody's loss: it may well have been sent.
            if let first = segments.first?.first ?? begun.last?.first { acknowledged = first - 1 }
            try writeAcknowledgement()
            // Its name must not come later than what it says.
            if configuration.durability != .never {
                try Self.trying("making the spool's files") { () throws(Errno) in try storage.synchronizeNames() }
            }
        }
        try findNext()
        for (first, name) in begun {
            if first > next, first == begun.last?.first {
                // Nothing else tells that these numbers are used. The file stays, and is the next segment.
                next = first
            } else {
                try Self.trying("removing \(name)") { () throws(Errno) in try storage.remove(name) }
            }
        }
        readSegment = segments.first?.first ?? next
        readOffset = SpoolFormat.headerSize
        expected = acknowledged + 1
        passOver(to: readSegment)
        expected = readSegment
        if segments.isEmpty, acknowledged + 1 < next {
            acknowledged = next - 1
            try writeAcknowledgement()
        }
        if configuration.durability != .never {
            // What is relied on from now on may have been written by a process that was killed before it was durable.
            for name in [Self.acknowledgementName] + (segments.last.map { [$0.name] } ?? []) {
                try Self.trying("synchronizing \(name)") { () throws(Errno) in try storage.synchronize(name) }
            }
            durablyNoted = noted
        }
        try removeAcknowledged()
    }

    /// Whether every record is acknowledged. A damaged rest may still be passed over by `peek`.
    public var isEmpty: Bool { segments.isEmpty && taken.isEmpty }

    /// The sequence of the next record.
    var nextSequence: UInt64 { next }

    // MARK: Writing

    /// Appends one record; `items` is what its loss will be counted as. Returns its sequence. After an error nothing was
    /// appended; only if the process then dies before what was written of it could be cut off, it may come after all.
    ///
    /// `isHeld`: the caller keeps the record, as if it had taken it; nothing else may wait to be taken then.
    @discardableResult
    public mutating func append(
        _ payload: UnsafeRawBufferPointer, items: UInt32, kind: UInt32 = 0, isHeld: Bool = false
    ) throws(SpoolError) -> UInt64 {
        guard payload.count <= Self.maximumPayload,
            payload.count + SpoolFormat.headerSize + SpoolFormat.recordHeaderSize <= configuration.maximumBytes
        else { throw .tooLarge(bytes: payload.count) }
        try cutTornTail()
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
            // What was written must not stand before the next record, nor its number be read twice.
            isTailTorn = true
            try? cutTornTail()
            throw .failed(operation: "writing \(name)", error)
        }
        grow(index, by: record.count)
        statistics.appendedRecords += 1
        if isHeld {
            taken.append(next)
            lastTaken = next
        }
        defer { next += 1 }
        return next
    }

    /// Cuts off what a failed write left behind the last record; until that succeeds, nothing can be appended.
    private mutating func cutTornTail() throws(SpoolError) {
        guard isTailTorn, let last = segments.last else {
            isTailTorn = false
            return
        }
        let storage = storage
        try Self.trying("cutting off the end of \(last.name)") { () throws(Errno) in
            try storage.truncate(last.name, to: last.bytes)
        }
        isTailTorn = false
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
            if configuration.durability != .never {
                // Without its header a segment is not understood, whatever stands in it.
                try storage.synchronize(name)
                try storage.synchronizeNames()
            }
        } catch {
            // What there is of it stays: the next try writes over it.
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
                if found.sequence <= max(acknowledged, lastTaken) { continue }
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
                if taken.isEmpty {
                    acknowledged = next - 1
                    try removeAll()
                }
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
        // Behind the last record there may be damage that was passed over.
        acknowledged = taken.isEmpty && expected == next ? next - 1 : sequence
        try writeAcknowledgement()
        try removeAcknowledged()
    }

    private mutating func writeAcknowledgement() throws(SpoolError) {
        // After a failure the same slot is written again: the other one is the good one.
        let following = generation + 1
        let bytes = SpoolFormat.acknowledgement(generation: following, sequence: acknowledged)
        let offset = following % 2 == 0 ? 0 : Self.secondSlot
        let storage = storage
        do throws(Errno) {
            try Self.writing(bytes) { bytes throws(Errno) in
                try storage.write(Self.acknowledgementName, at: offset, bytes)
            }
            if configuration.durability == .always { try storage.synchronize(Self.acknowledgementName) }
        } catch {
            throw .failed(operation: "writing \(Self.acknowledgementName)", error)
        }
        generation = following
        noted = acknowledged
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

    /// Looks for an intact record behind damage, byte by byte, a window of the file at a time.
    private mutating func search(in segment: Segment) throws(SpoolError) -> SpoolRecord? {
        let headerSize = SpoolFormat.recordHeaderSize
        var start = readOffset + 1
        while segment.bytes - start >= headerSize {
            let window = try read(segment.name, at: start, min(Self.searchWindow, segment.bytes - start))
            guard window.count >= headerSize else { break }
            for offset in 0...(window.count - headerSize) {
                guard let header = window.withUnsafeBytes({ SpoolFormat.recordHeader($0, at: offset) }),
                    // A checksum is taken only where the cheap look agrees.
                    isPlausible(header, in: segment, at: start + offset)
                else { continue }
                let whole = try read(segment.name, at: start + offset, headerSize + header.length)
                guard whole.withUnsafeBytes({ SpoolFormat.isIntact($0, at: 0, header) }) else { continue }
                countDamage(start + offset - readOffset)
                readOffset = start + offset
                return SpoolRecord(
                    sequence: header.sequence, items: header.items, kind: header.kind,
                    payload: Array(whole[headerSize...]))
            }
            // The next window begins with the headers that did not fit in this one.
            start += window.count - headerSize + 1
        }
        countDamage(segment.bytes - readOffset)
        return nil
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
        // What cannot be read has to give way too.
        let items = (try? items(in: segment, from: begin)) ?? 0
        if end > begin { statistics.droppedRecords += end - begin }
        statistics.droppedItems += items
        // What gave way is done with: after a restart it is no gap.
        acknowledged = max(acknowledged, end - 1)
        try removeFirst()
    }

    /// Removes the oldest segment, all of which is acknowledged. The file must say so first: otherwise the gap would look like a
    /// loss after a restart, and numbers would be given out again.
    private mutating func removeFirst() throws(SpoolError) {
        let segment = segments[0]
        let last = (segments.count > 1 ? segments[1].first : next) - 1
        let storage = storage
        if noted < last { try writeAcknowledgement() }
        if durablyNoted < last, configuration.durability == .segment {
            try Self.trying("synchronizing \(Self.acknowledgementName)") { () throws(Errno) in
                try storage.synchronize(Self.acknowledgementName)
            }
            durablyNoted = noted
        }
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

    /// Whether there is one. One that cannot be understood is moved aside.
    private mutating func readAcknowledgement(_ names: [String]) throws(SpoolError) -> Bool {
        guard names.contains(Self.acknowledgementName) else { return false }
        for offset in [0, Self.secondSlot] {
            let bytes = try read(Self.acknowledgementName, at: offset, SpoolFormat.acknowledgementSize)
            if let found = bytes.withUnsafeBytes({ SpoolFormat.acknowledgement($0) }), found.generation > generation,
                found.generation < Self.sequenceLimit, found.sequence < Self.sequenceLimit
            {
                (generation, acknowledged) = found
                noted = acknowledged
            }
        }
        if generation > 0 { return true }
        let storage = storage
        let size = try Self.trying("reading \(Self.acknowledgementName)") { () throws(Errno) in
            try storage.size(of: Self.acknowledgementName)
        }
        if size > 0 { try moveAside(Self.acknowledgementName, names) }
        return false
    }

    /// Renames a file that is not understood; what was moved aside before stays.
    private mutating func moveAside(_ name: String, _ names: [String]) throws(SpoolError) {
        var other = name + ".aside"
        var number = 1
        while names.contains(other) {
            number += 1
            other = "\(name).\(number).aside"
        }
        let (storage, target) = (storage, other)
        try Self.trying("moving \(name) aside") { () throws(Errno) in try storage.rename(name, to: target) }
        statistics.asideFiles += 1
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
