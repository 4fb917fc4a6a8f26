import Foundation
import Glibc
import Linux
import TestSupport
import Testing

@testable import Spool

/// Random sequences of operations, faults and crashes against a simple model. `MARTLET_SPOOL_ROUNDS` makes it longer.
@Suite struct SpoolModelTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["MARTLET_SPOOL_ROUNDS"].flatMap { Int($0) } ?? 100

    /// What may happen beside append, read and acknowledge.
    enum World: String, CaseIterable {
        /// The process is killed between two calls, or in the middle of any change of a file.
        case kills
        /// The same, and the power fails.
        case power
        /// Any call may fail, several times in a row, and the process is killed.
        case errors
        /// The spool is small: the oldest gives way. The process is killed.
        case small
        /// The process is killed, and something else cuts files off.
        case cuts
    }

    struct Case: CustomStringConvertible {
        let world: World
        let durability: SpoolConfiguration.Durability
        var description: String { "\(world), \(durability)" }
    }

    private static let cases = World.allCases.flatMap { world in
        SpoolConfiguration.Durability.allCases.map { Case(world: world, durability: $0) }
    }

    @Test(arguments: cases) func againstTheModel(_ test: Case) throws {
        for round in 0..<Self.rounds {
            let place = Self.cases.firstIndex { $0.description == test.description } ?? 0
            var run = Run(test, seed: UInt64(round) << 8 | UInt64(place))
            let complaints = try run.run()
            #expect(complaints.isEmpty, "round \(round) of \(test): \(complaints.prefix(3)) \(run.lost)")
            if !complaints.isEmpty { return }
        }
    }

    /// One sequence of operations.
    private struct Run {
        let test: Case
        var generator: SeededGenerator
        let storage = CrashingStorage()
        let configuration: SpoolConfiguration
        /// Whether the reader takes several records before it acknowledges the first.
        let isReadingAhead: Bool
        var model = SpoolModel()
        var written = 0
        private var falseAlarms: [String] = []
        /// Whether a life ended in the middle of something, or a call failed.
        var isClean = true
        /// What all lives counted as lost.
        var lost: (dropped: UInt64, corrupt: UInt64, aside: UInt64) = (0, 0, 0)

        init(_ test: Case, seed: UInt64) {
            self.test = test
            generator = SeededGenerator(seed)
            isReadingAhead = Bool.random(using: &generator)
            configuration = SpoolConfiguration(
                maximumBytes: test.world == .small ? 1500 : 1 << 20, segmentBytes: test.world == .small ? 300 : 400,
                durability: test.durability)
        }

        mutating func run() throws -> [String] {
            var log = try SpoolLog(storage, configuration)
            for _ in 0..<60 {
                if test.world == .errors { misbehave() }
                // The process will die in one of the next changes.
                if test.world != .cuts, storage.changesToLive == nil, chance(12) {
                    storage.changesToLive = .random(in: 1...6, using: &generator)
                    storage.partWritten = .random(in: 0 ... .max, using: &generator)
                }
                switch Int.random(in: 0..<12, using: &generator) {
                case 0..<6: append(&log)
                case 6..<10 where isReadingAhead: chance(2) ? takeAhead(&log) : acknowledgeSome(&log)
                case 6..<8: read(&log, acknowledging: false)
                case 8..<10: read(&log, acknowledging: true)
                case 10 where test.durability == .segment && chance(3):
                    if (try? log.synchronize()) != nil { model.madeDurable() }
                case 10: break
                default: try restart(&log)
                }
                if let left = storage.changesToLive, left <= 0 { try restart(&log) }
            }
            try restart(&log)
            while let record = try log.takeNext() {
                model.didRead(record)
                model.willAcknowledge(record.sequence)
                try log.acknowledge(record.sequence)
                model.didAcknowledge(record.sequence)
            }
            count(log.statistics)
            return model.complaints + balance()
        }

        /// What is owed and was never read must have been counted.
        private func balance() -> [String] {
            let owed = UInt64(model.owed.count)
            let counted = lost.dropped + lost.corrupt
            var complaints: [String] = []
            switch test.world {
            case .kills, .power, .errors:
                if owed > 0 { complaints.append("\(model.owed.sorted().prefix(5)) are gone") }
                if lost.dropped > 0 { complaints.append("\(lost.dropped) counted as dropped") }
            case .small:
                if owed > counted { complaints.append("\(owed) are gone, \(counted) counted") }
                if isClean, owed != counted { complaints.append("\(owed) are gone, but \(counted) counted") }
            case .cuts:
                // How much a file held that was moved aside is not known.
                if owed > counted, lost.aside == 0 { complaints.append("\(owed) are gone, \(counted) counted") }
            }
            return complaints + falseAlarms
        }

        private mutating func append(_ log: inout SpoolLog) {
            written += 1
            let text = "\(written) " + String(repeating: "x", count: .random(in: 0...120, using: &generator))
            model.willAppend(text, next: log.nextSequence)
            let isHeld = isReadingAhead && isReadToTheEnd && chance(2)
            if !isHeld { isReadToTheEnd = false }
            do {
                let sequence = try log.put(text, isHeld: isHeld)
                model.didAppend(text, sequence, isDurable: test.durability == .always)
                if isHeld { taken.append(sequence) }
            } catch {
                isClean = false
                if isDead {
                    model.diedAppending()
                } else {
                    model.didRefuse(text, mayRemain: storage.failing["truncate"] != nil)
                }
            }
        }

        private mutating func read(_ log: inout SpoolLog, acknowledging: Bool) {
            do {
                guard let record = try log.peek() else { return }
                if record.sequence != peeked { model.didRead(record) }
                peeked = record.sequence
                guard acknowledging else { return }
                model.willAcknowledge(record.sequence)
                try log.acknowledge(record.sequence)
                model.didAcknowledge(record.sequence)
            } catch {
                isClean = false
            }
        }

        /// The record that `peek` gives again and again.
        private var peeked: UInt64 = 0

        private mutating func takeAhead(_ log: inout SpoolLog) {
            do {
                while taken.count < 8 {
                    guard let record = try log.takeNext() else {
                        isReadToTheEnd = true
                        return
                    }
                    model.didRead(record)
                    taken.append(record.sequence)
                    if chance(4) { return }
                }
            } catch {
                isClean = false
            }
        }

        /// Acknowledges the oldest of those that were taken. Whether that works or not, they have arrived.
        private mutating func acknowledgeSome(_ log: inout SpoolLog) {
            guard !taken.isEmpty else { return }
            let some = taken.prefix(.random(in: 1...taken.count, using: &generator))
            taken.removeFirst(some.count)
            for sequence in some { model.willAcknowledge(sequence) }
            do {
                try log.acknowledge(some[some.endIndex - 1])
                model.didAcknowledge(some[some.endIndex - 1])
            } catch {
                isClean = false
            }
        }

        /// What was taken, or held when it was appended, and is not acknowledged.
        private var taken: [UInt64] = []
        /// Whether nothing waits to be taken.
        private var isReadToTheEnd = false

        private var isDead: Bool { storage.changesToLive.map { $0 <= 0 } ?? false }

        private mutating func restart(_ log: inout SpoolLog) throws {
            count(log.statistics)
            if test.world == .small {
                for sequence in taken + (peeked > 0 ? [peeked] : []) {
                    model.forgive(sequence)
                    isClean = false
                }
            }
            peeked = 0
            taken = []
            isReadToTheEnd = false
            if test.world == .power, chance(2) {
                storage.powerFailure(using: &generator)
                model.reopened(
                    test.durability == .always ? .all : .durable, keepsAcknowledgements: test.durability == .always)
            } else {
                storage.kill()
                model.reopened(.all, keepsAcknowledgements: true)
            }
            let cuts = test.world == .cuts && chance(2)
            if cuts { storage.cut(".seg", using: &generator) }
            log = try SpoolLog(storage, configuration)
            if cuts { model.cutOff(from: log.nextSequence) }
        }

        private mutating func count(_ statistics: SpoolStatistics) {
            lost.dropped += statistics.droppedRecords
            lost.corrupt += statistics.corruptRecords
            lost.aside += statistics.asideFiles
            // Nobody cries over nothing, but for what was being written when a crash came.
            let isExact =
                switch test.world {
                case .kills, .errors: true
                case .power: test.durability == .always
                case .small, .cuts: false
                }
            if isExact, statistics.corruptRecords > UInt64(model.doubtful) || statistics.asideFiles > 0 {
                falseAlarms.append("\(statistics) after \(model.doubtful) crashes in a write")
            }
        }

        /// Calls begin to fail, or work again.
        private mutating func misbehave() {
            if !storage.failing.isEmpty {
                if chance(3) { storage.failing = [:] }
            } else if chance(6) {
                let errors = [Errno(ENOSPC), Errno(EIO), Errno(EROFS)]
                for name in ["write", "truncate", "synchronize", "synchronizeNames", "remove", "read", "size"]
                where chance(3) {
                    storage.failing[name] = errors.randomElement(using: &generator)
                }
                storage.partWritten = .random(in: 0 ... .max, using: &generator)
            }
        }

        /// Once in `times`.
        private mutating func chance(_ times: Int) -> Bool { Int.random(in: 0..<times, using: &generator) == 0 }
    }
}
