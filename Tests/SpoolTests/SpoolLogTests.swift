import Glibc
import Linux
import TestSupport
import Testing

@testable import Spool

@Suite struct SpoolLogTests {
    private let storage = CrashingStorage()

    private func open(_ configuration: SpoolConfiguration = SpoolConfiguration()) throws -> SpoolLog {
        try SpoolLog(storage, configuration)
    }

    @Test func checksum() {
        // RFC 3720, appendix B.4, and the customary check value.
        func crc(_ bytes: [UInt8]) -> UInt32 {
            var crc = CRC32C()
            bytes.withUnsafeBytes { crc.add($0) }
            return crc.value
        }
        #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
        #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(crc([UInt8](repeating: 255, count: 32)) == 0x62A8_AB43)
        #expect(crc(Array(0..<32)) == 0x46DD_794E)
    }

    @Test func keepsOrderAcrossSegmentsAndRestarts() throws {
        let configuration = SpoolConfiguration(maximumBytes: 1 << 20, segmentBytes: 200)
        var log = try open(configuration)
        for number in 1...20 { try log.put("record \(number)") }
        #expect(storage.segmentCount > 3)
        #expect(try log.peek()?.text == "record 1")
        #expect(try log.peek()?.text == "record 1")
        for number in 1...5 { #expect(try log.take() == "record \(number)") }
        log = try open(configuration)
        try log.put("record 21")
        for number in 6...21 { #expect(try log.take() == "record \(number)") }
        #expect(try log.peek() == nil)
        #expect(log.isEmpty && storage.segmentCount == 0)
        // A sequence is never used twice, also when nothing but the acknowledgement is left.
        log = try open(configuration)
        #expect(try log.put("record 22") == 22)
    }

    /// Several records on their way at once: each is handed out once, none of them is lost or counted as dropped when its
    /// segment gives way, and after a restart all that were not acknowledged come again, with what was said of their form.
    @Test func severalRecordsAreTakenAhead() throws {
        let configuration = SpoolConfiguration(maximumBytes: 600, segmentBytes: 150)
        var log = try open(configuration)
        for number in 1...4 { try log.put("record \(number)", kind: UInt32(number) << 24) }
        var taken: [SpoolRecord] = []
        for _ in 1...3 { taken.append(try #require(try log.takeNext())) }
        #expect(taken.map(\.text) == ["record 1", "record 2", "record 3"])
        #expect(taken.map(\.kind) == [1 << 24, 2 << 24, 3 << 24])
        var restarted = try open(configuration)
        #expect(try restarted.takeNext()?.text == "record 1")
        for number in 5...40 { try log.put("record \(number)") }
        #expect(log.statistics.droppedRecords > 0)
        var left = 0
        while try log.takeNext() != nil { left += 1 }
        #expect(log.statistics.droppedRecords == UInt64(40 - 3 - left))
        let isEmptyBefore = log.isEmpty
        try log.acknowledge(40)
        let isEmptyAfter = log.isEmpty
        #expect(!isEmptyBefore && isEmptyAfter)
        #expect(log.statistics.acknowledgedRecords == UInt64(3 + left))
    }

    @Test func theOldestSegmentGivesWay() throws {
        var log = try open(SpoolConfiguration(maximumBytes: 1000, segmentBytes: 250))
        for number in 1...50 { try log.put("record \(number)", items: 10) }
        let statistics = log.statistics
        #expect(statistics.bytes <= 1000)
        #expect(statistics.droppedRecords > 0 && statistics.droppedItems == statistics.droppedRecords * 10)
        var left = [String]()
        while let text = try log.take() { left.append(text) }
        #expect(left == (Int(statistics.droppedRecords) + 1...50).map { "record \($0)" })
    }

    /// The request on its way is in memory: that its segment gave way loses nothing.
    @Test func theRecordBeingSentSurvivesItsSegment() throws {
        var log = try open(SpoolConfiguration(maximumBytes: 600, segmentBytes: 150))
        try log.put("first")
        let first = try #require(try log.peek())
        for number in 2...40 { try log.put("record \(number)") }
        #expect(try log.peek() == first)
        try log.acknowledge(first.sequence)
        var left = 0
        while try log.take() != nil { left += 1 }
        #expect(1 + UInt64(left) + log.statistics.droppedRecords == 40)
    }

    @Test func aFullDiskLosesOnlyWhatItRefused() throws {
        var log = try open()
        try log.put("one")
        storage.failing["write"] = Errno(ENOSPC)
        #expect(throws: SpoolError.failed(operation: "writing 00000000000000000001.seg", Errno(ENOSPC))) {
            try log.put("refused")
        }
        storage.failing["truncate"] = Errno(EIO)
        #expect(throws: SpoolError.self) { try log.put("refused") }
        storage.failing = [:]
        try log.put("two")
        #expect(try log.take() == "one")
        #expect(try log.take() == "two")
        #expect(try log.peek() == nil)
        #expect(log.statistics.corruptRecords == 0)
    }

    @Test func whatIsNotUnderstoodIsMovedAside() throws {
        var log = try open(SpoolConfiguration(maximumBytes: 1 << 20, segmentBytes: 100))
        for number in 1...6 { try log.put("record \(number)") }
        let name = SpoolFormat.name(first: 1)
        var bytes = try #require(storage.bytes(of: name))
        bytes[8] = 2
        storage.set(name, bytes)
        log = try open()
        #expect(log.statistics.asideFiles == 1)
        #expect(storage.bytes(of: name + ".aside") == bytes)
        var left = [String]()
        while let text = try log.take() { left.append(text) }
        #expect(!left.isEmpty && left == (7 - left.count...6).map { "record \($0)" })
    }

    /// A request that is on its way already when it is written: it is not handed out, and that its segment gives way is no
    /// loss.
    @Test func aHeldRecordIsNeitherReadNorDropped() throws {
        var log = try open(SpoolConfiguration(maximumBytes: 600, segmentBytes: 150))
        try log.put("first", isHeld: true)
        for number in 2...40 { try log.put("record \(number)") }
        var left = 0
        while try log.takeNext() != nil { left += 1 }
        #expect(log.statistics.droppedRecords == UInt64(40 - 1 - left))
        try log.acknowledge(40)
        let isEmpty = log.isEmpty
        #expect(isEmpty)

        log = try open()
        try log.put("first", isHeld: true)
        try log.put("second")
        #expect(try log.takeNext()?.text == "second")
        log = try open()
        #expect(try log.takeNext()?.text == "first")
    }

    /// Killed between a segment's header and its first record: the next life must not have two segments of one name.
    @Test func aSegmentThatWasOnlyBegun() throws {
        var log = try open()
        try log.put("one")
        storage.set(SpoolFormat.name(first: 2), SpoolFormat.segmentHeader(first: 2))
        log = try open()
        #expect(try log.put("two") == 2)
        #expect(try log.take() == "one")
        #expect(try log.take() == "two")
        #expect(try log.peek() == nil)
        #expect(log.statistics.corruptRecords == 0 && log.statistics.asideFiles == 0)
    }

    /// Everything of an earlier life was read ahead and nothing of it acknowledged: the files must wait for that, since the
    /// process may die.
    @Test func whatWasTakenAheadStaysUntilItIsAcknowledged() throws {
        for isDamaged in [false, true] {
            let storage = CrashingStorage()
            var log = try SpoolLog(storage)
            for number in 1...3 { try log.put("record \(number)") }
            let name = SpoolFormat.name(first: 1)
            let bytes = try #require(storage.bytes(of: name))
            if isDamaged { storage.set(name, Array(bytes.dropLast(1))) }
            let texts = (1...(isDamaged ? 2 : 3)).map { "record \($0)" }
            for _ in 1...2 {
                log = try SpoolLog(storage)
                var taken: [String] = []
                while let record = try log.takeNext() { taken.append(record.text) }
                #expect(taken == texts)
                #expect(log.statistics.corruptRecords == (isDamaged ? 1 : 0))
            }
            try log.acknowledge(UInt64(texts.count))
            let isEmpty = log.isEmpty
            #expect(isEmpty && storage.segmentCount == 0)
            log = try SpoolLog(storage)
            #expect(try log.put("record 4") == 4)
            #expect(try log.take() == "record 4")
            #expect(log.statistics.corruptRecords == 0)
        }
    }

    /// That a segment was read to its end cannot be noted: it stays. Without it, and without the note, it would be a loss.
    @Test func noSegmentGoesBeforeItsAcknowledgement() throws {
        var log = try open()
        try log.put("one")
        log = try open()
        storage.failing["write"] = Errno(EIO)
        #expect(throws: SpoolError.self) { try log.take() }
        #expect(throws: SpoolError.self) { try log.peek() }
        #expect(storage.segmentCount == 1)
        storage.failing = [:]
        #expect(try log.peek() == nil)
        #expect(storage.segmentCount == 0)
        #expect(try log.put("two") == 2)
        log = try open()
        #expect(try log.take() == "two")
        #expect(log.statistics.corruptRecords == 0)
    }

    /// The same for the segment that gives way, however often the note fails.
    @Test func noSegmentGivesWayUnnoted() throws {
        let configuration = SpoolConfiguration(maximumBytes: 600, segmentBytes: 150)
        var log = try open(configuration)
        var written = 0
        while log.statistics.bytes < 540 {
            written += 1
            try log.put("record \(written)")
        }
        storage.failing["write"] = Errno(EIO)
        for _ in 1...3 { #expect(throws: SpoolError.self) { try log.put(String(repeating: "x", count: 60)) } }
        storage.failing = [:]
        log = try open(configuration)
        var left = [String]()
        while let text = try log.take() { left.append(text) }
        #expect(left == (1...written).map { "record \($0)" })
        #expect(log.statistics.corruptRecords == 0)
    }

    /// Of a segment there is only the name, and what came before was cut off earlier: its number still counts.
    @Test func anEmptySegmentTellsWhatWasGivenOut() throws {
        for hasOthers in [true, false] {
            let storage = CrashingStorage()
            var log = try SpoolLog(storage)
            try log.put("one")
            if !hasOthers { _ = try log.take() }
            storage.set(SpoolFormat.name(first: 5), [])
            for _ in 1...2 { log = try SpoolLog(storage) }
            #expect(try log.put("five") == 5)
            if hasOthers { #expect(try log.take() == "one") }
            #expect(try log.take() == "five")
            #expect(log.statistics.corruptRecords == (hasOthers ? 3 : 0))
        }
    }

    /// Two acknowledgements in a row that the disk takes half of: the last good one still counts.
    @Test func failedAcknowledgements() throws {
        var log = try open()
        for number in 1...4 { try log.put("record \(number)") }
        #expect(try log.take() == "record 1")
        for _ in 2...3 {
            storage.failing["write"] = Errno(ENOSPC)
            #expect(throws: SpoolError.self) { try log.take() }
        }
        storage.kill()
        log = try open()
        #expect(try log.take() == "record 2")
        #expect(log.statistics.asideFiles == 0)
    }

    @Test func tooLargeRecordsAreRefused() throws {
        var log = try open()
        let size = SpoolLog.maximumPayload + 1
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
        defer { bytes.deallocate() }
        #expect(throws: SpoolError.tooLarge(bytes: size)) { try log.append(UnsafeRawBufferPointer(bytes), items: 1) }
    }

    /// 10,000 times one damage somewhere: nothing crashes, nothing wrong is read, and what is missing is counted.
    @Test func damageIsCountedAndNeverRead() throws {
        var generator = SeededGenerator(7)
        for round in 0..<10_000 {
            let storage = CrashingStorage()
            var log = try SpoolLog(storage, SpoolConfiguration(maximumBytes: 1 << 20, segmentBytes: 300))
            let written = (1...12).map { "round \(round) record \($0)" }
            for text in written { try log.put(text) }
            for _ in 0..<3 { _ = try log.take() }
            storage.damage(round % 10 == 0 ? "acknowledged" : ".seg", using: &generator)
            log = try SpoolLog(storage, SpoolConfiguration(maximumBytes: 1 << 20, segmentBytes: 300))
            var read = [String]()
            while let text = try log.take() { read.append(text) }
            let known = round % 10 == 0 ? written : Array(written[3...])
            #expect(read.isSubsequence(of: known), "round \(round): \(read)")
            let statistics = log.statistics
            // A cut at the border of two records at the very end leaves no trace but the number that was not given out.
            let isCut = read == Array(known.prefix(read.count))
            let missing = known.count - read.count
            #expect(
                missing == 0 || statistics.corruptRecords + statistics.asideFiles > 0 || isCut
                    || round % 10 == 0, "round \(round): \(missing) missing, \(statistics)")
        }
    }
}

extension SpoolLog {
    @discardableResult
    mutating func put(_ text: String, items: UInt32 = 1, kind: UInt32 = 0, isHeld: Bool = false) throws -> UInt64 {
        let bytes = Array(text.utf8)
        let base = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { base.deallocate() }
        base.copyBytes(from: bytes)
        return try append(UnsafeRawBufferPointer(base), items: items, kind: kind, isHeld: isHeld)
    }

    /// Reads and acknowledges the next record.
    mutating func take() throws -> String? {
        guard let record = try peek() else { return nil }
        try acknowledge(record.sequence)
        return record.text
    }
}

extension SpoolRecord {
    var text: String { String(decoding: payload, as: UTF8.self) }
}

extension [String] {
    func isSubsequence(of other: [String]) -> Bool {
        var rest = self[...]
        for element in other where rest.first == element { rest.removeFirst() }
        return rest.isEmpty
    }
}
