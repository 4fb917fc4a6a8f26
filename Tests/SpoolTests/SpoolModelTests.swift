import Foundation
import Glibc
import Linux
import Testing

@testable import Spool

/// Random sequences of operations and crashes against a list. `MARTLET_SPOOL_ROUNDS` makes it longer.
@Suite struct SpoolModelTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["MARTLET_SPOOL_ROUNDS"].flatMap { Int($0) } ?? 400

    /// A killed process loses nothing that `append` returned for, whatever the durability; a power failure loses nothing if
    /// every record is made durable.
    @Test(arguments: [SpoolConfiguration.Durability.always, .segment, .never])
    func nothingIsLostInACrash(durability: SpoolConfiguration.Durability) throws {
        for round in 0..<Self.rounds {
            var generator = SeededGenerator(UInt64(round) << 8 | UInt64(durability.rawValue.count))
            let storage = CrashingStorage()
            let configuration = SpoolConfiguration(maximumBytes: 1 << 20, segmentBytes: 400, durability: durability)
            var log = try SpoolLog(storage, configuration)
            var model = [(sequence: UInt64, text: String)]()
            // What was acknowledged may come again after a crash if its acknowledgement was not durable.
            var done = [(sequence: UInt64, text: String)]()
            var written = 0
            for _ in 0..<60 {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<5:
                    written += 1
                    let text = "\(written) " + String(repeating: "x", count: .random(in: 0...120, using: &generator))
                    model.append((try log.put(text), text))
                case 5..<7:
                    let record = try log.peek()
                    #expect(record?.sequence == model.first?.sequence && record?.text == model.first?.text)
                case 7..<9:
                    guard let record = try log.peek() else { break }
                    #expect(record.text == model.first?.text, "round \(round)")
                    try log.acknowledge(record.sequence)
                    done.append(model.removeFirst())
                default:
                    if durability == .always, Bool.random(using: &generator) {
                        storage.powerFailure(using: &generator)
                    } else {
                        let torn = SpoolFormat.record(
                            sequence: 1 << 20, items: 1, kind: 0, UnsafeRawBufferPointer(start: nil, count: 0))
                        storage.kill(leaving: Array(torn.prefix(.random(in: 0..<24, using: &generator))))
                    }
                    log = try SpoolLog(storage, configuration)
                    if let record = try log.peek(), record.sequence != model.first?.sequence {
                        let again = done.filter { $0.sequence >= record.sequence }
                        #expect(again.first?.text == record.text, "round \(round): \(record.sequence)")
                        #expect(again.count <= 1, "round \(round): \(again.count) acknowledged records come again")
                        model = again + model
                        done.removeLast(again.count)
                    }
                }
            }
            var rest = [String]()
            while let text = try log.take() { rest.append(text) }
            #expect(rest == model.map(\.text), "round \(round)")
        }
    }
}
