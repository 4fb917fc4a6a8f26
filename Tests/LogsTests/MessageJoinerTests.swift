import Testing

@testable import Logs

struct MessageJoinerTests {
    private func bodies(_ lines: [String]) -> [String] { messages(.plain, lines).map(\.body) }

    @Test func linesOfTheirOwn() {
        #expect(bodies(["one", "two", "", "three"]) == ["one", "two", "three"])
        #expect(bodies([]) == [])
        #expect(bodies(["", ""]) == [])
    }

    @Test func stackOfJava() {
        let trace = [
            "java.lang.IllegalStateException: boom", "\tat a.B.c(B.java:1)", "\t... 3 more",
            "Caused by: java.io.IOException: x", "\tat d.E.f(E.java:2)",
        ]
        #expect(bodies(["before"] + trace + ["after"]) == ["before", trace.joined(separator: "\n"), "after"])
    }

    @Test func tracebackOfPython() {
        let first = [
            "Traceback (most recent call last):", "  File \"a.py\", line 1, in <module>", "    x()", "ValueError: x",
        ]
        let chain = ["", "During handling of the above exception, another exception occurred:", ""]
        let second = ["Traceback (most recent call last):", "  File \"a.py\", line 3, in <module>", "KeyError: 'y'"]
        #expect(
            bodies(["before"] + first + chain + second + ["after"])
                == ["before", (first + chain + second).joined(separator: "\n"), "after"])
        #expect(bodies(first + second) == [first.joined(separator: "\n"), second.joined(separator: "\n")])
    }

    /// Where the first line has a time, each further one with a time begins a message and no other does.
    @Test func timesOfDay() {
        #expect(
            bodies(["2024-01-02 15:04:05 one", "goes on", "Caused by: x", "15:04:06 two", "15:4:06 not a time"])
                == ["2024-01-02 15:04:05 one\ngoes on\nCaused by: x", "15:04:06 two\n15:4:06 not a time"])
        let far = String(repeating: "x", count: 93)
        #expect(bodies(["15:04:05 a", far + "15:04:0"]).count == 1)
        #expect(bodies(["15:04:05 a", String(far.dropFirst()) + "15:04:06"]).count == 2)
        #expect(bodies(["15:04:05 a", far + "15:04:06"]).count == 1, "beyond the first 100 bytes")
    }

    @Test func continuations() {
        #expect(bodies(["{", "  \"a\": 1", "}", "x"]) == ["{\n  \"a\": 1\n}", "x"])
        #expect(bodies(["x", "} y", " z"]) == ["x", "} y", "z"])
        #expect(bodies(["x", "for call at y"]) == ["x\nfor call at y"])
        #expect(bodies(["  x", "y"]) == ["x", "y"])
    }

    @Test func levelIsThatOfTheFirstLine() {
        #expect(messages(.plain, ["info: a", "\tERROR"]).map(\.level) == [.info])
    }

    @Test func longMessagesAreCutAtACharacter() throws {
        var reader = LogReader(.plain)
        var found: [String] = []
        let line = Array((String(repeating: "x", count: MessageJoiner.limit - 1) + "é").utf8)
        reader.add(line.span) { message, _ in found.append(text(message.body)) }
        reader.add(Array("\tmore".utf8).span) { message, _ in found.append(text(message.body)) }
        reader.flush { message, _ in found.append(text(message.body)) }
        #expect(found.map(\.utf8.count) == [MessageJoiner.limit - 1])
        // The character; then a line with its end, of which the limit leaves nothing.
        #expect(reader.cutBytes == 2 + 6 || reader.cutBytes == 2 + 5)
    }

    @Test func whatIsNoTextIsRepaired() {
        var reader = LogReader(.plain)
        var found: [String] = []
        reader.add(([0x61, 0xFF, 0x62, 0xC3] as [UInt8]).span) { message, _ in found.append(text(message.body)) }
        reader.flush { message, _ in found.append(text(message.body)) }
        #expect(found == ["a\u{FFFD}b\u{FFFD}"])
        #expect(reader.repairedLines == 1)
    }

    /// However long the lines are, a message keeps to its limit, repaired or not, and what is cut is counted.
    @Test func memoryIsBounded() {
        var reader = LogReader(.plain)
        let wild = [UInt8](repeating: 0xFF, count: 1 << 20)
        for _ in 0..<3 {
            reader.add(wild.span) { message, _ in #expect(message.body.count <= MessageJoiner.limit) }
            reader.add(([0x09] + wild).span) { message, _ in #expect(message.body.count <= MessageJoiner.limit) }
        }
        reader.flush { message, _ in #expect(message.body.count <= MessageJoiner.limit) }
        #expect(reader.cutBytes > 3 << 20)
    }
}
