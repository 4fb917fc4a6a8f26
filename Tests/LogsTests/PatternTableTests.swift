import Host
import Testing

@testable import Logs

struct PatternTableTests {
    private func count(_ message: String, _ level: LogLevel, in table: inout PatternTable) -> Int {
        table.count(Array(message.utf8).span, level)
    }

    @Test func hashIsThatOfTheWords() {
        var table = PatternTable()
        let index = count("ERROR user 42 not found", .error, in: &table)
        #expect(table.patterns[index].hash == MD5.hexadecimal(Array("ERROR user not found".utf8)))
        #expect(table.patterns[index].sample == "ERROR user 42 not found")
        #expect(count("ERROR user 43 not found", .error, in: &table) == index)
        #expect(table.patterns[index].count == 2)
        #expect(table.patterns[index].sample == "ERROR user 42 not found", "the first one stays")
    }

    @Test func levelsWithoutPatterns() {
        var table = PatternTable()
        for level in [LogLevel.info, .debug, .unknown] {
            let index = count("a", level, in: &table)
            #expect(count("something else entirely", level, in: &table) == index)
            #expect(table.patterns[index].hash.isEmpty && table.patterns[index].sample.isEmpty)
        }
        #expect(table.patterns.count == 3)
    }

    /// One word may differ; the oldest pattern wins, but an equal one before it.
    @Test func similarPatterns() {
        var table = PatternTable()
        let first = count("cannot open alpha file", .error, in: &table)
        #expect(count("cannot open beta file", .error, in: &table) == first)
        let second = count("cannot close beta file", .error, in: &table)
        #expect(second != first)
        #expect(count("cannot close gamma file", .error, in: &table) == second)
        // One word from both.
        #expect(count("cannot open gamma file", .error, in: &table) == first)
        #expect(count("cannot close alpha file", .error, in: &table) == first, "the oldest")
        #expect(count("cannot close beta file", .error, in: &table) == second, "equal")
        #expect(count("cannot open alpha file", .warning, in: &table) > second, "another level")
        #expect(count("cannot open alpha file now", .error, in: &table) > second, "more words")
    }

    /// The same messages give the same counts in spite of forgotten variants, and an equal pattern is found again.
    @Test func manyVariants() {
        var table = PatternTable()
        let first = count("alpha beta gamma", .error, in: &table)
        let second = count("delta beta epsilon", .error, in: &table)
        func letters(_ number: Int) -> String {
            String(
                String.UnicodeScalarView(String(number).unicodeScalars.map { Unicode.Scalar($0.value + 0x40) ?? "x" }))
        }
        for number in 0..<10_000 { #expect(count("alpha beta \(letters(number))x", .error, in: &table) == first) }
        #expect(count("delta beta epsilon", .error, in: &table) == second)
        #expect(table.patterns.count == 2)
    }

    @Test func limit() {
        var table = PatternTable(limit: 2)
        let places = ["aa bb", "cc dd ee", "ff gg hh ii", "jj kk ll mm nn"].map { count($0, .error, in: &table) }
        #expect(places == [0, 1, 2, 2])
        #expect(table.patterns[2].hash == String(repeating: "0", count: 32))
        #expect(table.patterns[2].sample == "unclassified pattern (pattern limit reached)")
        #expect(count("oo pp qq rr ss tt", .warning, in: &table) == 3, "each level has its own limit")
        #expect(count("aa bb", .error, in: &table) == 0)
        #expect(table.patterns.map(\.count) == [2, 1, 2, 1])
    }

    @Test func sampledOut() {
        var table = PatternTable()
        #expect(table.countSampled(.error) == table.countSampled(.error))
        #expect(table.patterns[0].hash == String(repeating: "1", count: 32))
        #expect(table.patterns[0].sample == "event was sampled")
        // No message is like it.
        #expect(count("", .error, in: &table) == 1)
    }

    @Test func samplesAreCut() {
        var table = PatternTable(sampleLength: 4)
        #expect(table.patterns[count("abcé", .error, in: &table)].sample == "abc")
    }

    /// A message costs no allocation once its pattern is known; so much is seen in that no memory is added.
    @Test func million() {
        var table = PatternTable()
        for number in 0..<100_000 { _ = count("failed after \(number) ms", .error, in: &table) }
        #expect(table.patterns.count == 1 && table.patterns[0].count == 100_000)
    }
}
