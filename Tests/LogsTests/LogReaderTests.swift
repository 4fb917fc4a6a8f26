import TestSupport
import Testing

@testable import Logs

struct LogReaderTests {
    @Test func jsonInDocker() {
        let lines = [
            #"{"log":"{\"level\":\"error\",\"msg\":\"no\",\"a\":1}\n","stream":"stdout","time":"2024-01-02T03:04:05Z"}"#,
            #"{"log":"plain info\n","stream":"stdout","time":"2024-01-02T03:04:06Z"}"#,
        ]
        let first = ReadMessage(
            body: "no", level: .error, time: 1_704_164_645_000_000_000, stream: .stdout, attributes: ["a": "1"])
        let second = ReadMessage(body: "plain info", level: .info, time: 1_704_164_646_000_000_000, stream: .stdout)
        #expect(messages(.docker, lines) == [first, second])
    }

    /// A level that JSON does not name is that of the text.
    @Test func jsonWithoutLevelOrMessage() {
        let line = #"{"a":"b", "error":"x"}"#
        #expect(
            messages(.plain, [line]) == [ReadMessage(body: line, level: .error, attributes: ["error": "x", "a": "b"])])
        #expect(messages(.plain, [line], parsesJSON: false) == [ReadMessage(body: line, level: .error)])
    }

    @Test func prettyJSON() {
        #expect(
            messages(.plain, ["{", "  \"msg\": \"a\",", "  \"level\": 40", "}", "x"]) == [
                ReadMessage(body: "a", level: .warning), ReadMessage(body: "x", level: .unknown),
            ])
    }

    @Test func malformedLinesAreCounted() {
        var reader = LogReader(.cri)
        reader.add(Array("garbage".utf8).span) { _, _ in Issue.record("no message") }
        #expect(reader.malformedLines == 1)
    }

    @Test func partsAreBounded() {
        var reader = LogReader(.cri)
        let part = Array(("2016-10-06T00:17:09Z stdout P " + String(repeating: "x", count: 50_000)).utf8)
        for _ in 0..<10 { reader.add(part.span) { _, _ in Issue.record("no message") } }
        reader.add(Array("2016-10-06T00:17:09Z stdout F end".utf8).span) { _, _ in Issue.record("no message") }
        var lengths: [Int] = []
        reader.flush { message, _ in lengths.append(message.body.count) }
        #expect(lengths == [MessageJoiner.limit])
        #expect(reader.cutBytes == 500_003 - 65_536)
    }

    /// Whatever bytes come: nothing traps, every message is valid UTF-8 and within its limit, and plain text is neither lost nor
    /// made up.
    @Test(arguments: LogFormat.allCases) func anything(format: LogFormat) {
        var random = SeededGenerator(11)
        let pieces =
            [
                "{\"log\":\"", "\\n\",\"stream\":\"stdout\"}", "2016-10-06T00:17:09Z ", "stdout ", "stderr ", "F ",
                "P ",
                "{\"MESSAGE\":\"", "\"}", "Traceback (most recent call last):", "  File", "\t", "Caused by: ",
                "15:04:05 ", "error ",
                "{\"msg\":\"", "\",\"level\":\"warn\"}", "[", "(", "'", "\"", "\\", "\\u00", "\\ud83d", "}", "{",
            ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xE2, 0x80], [0], [0xF0, 0x9F, 0x98, 0x80]]
        var reader = LogReader(format)
        var table = PatternTable()
        var bytesIn = 0
        var bytesOut = 0
        func take(_ message: borrowing LogReader.Message, _ json: borrowing JSONLog) {
            #expect(message.body.count <= MessageJoiner.limit * 3 && UTF8Text.isValid(message.body))
            for index in 0..<json.attributeCount {
                #expect(UTF8Text.isValid(json.attributeKey(index)) && UTF8Text.isValid(json.attributeValue(index)))
            }
            bytesOut += message.body.count
            _ = table.count(message.body, message.level)
        }
        for _ in 0..<20_000 {
            var line: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &random) { line += pieces.randomElement(using: &random) ?? [] }
            bytesIn += line.count
            reader.add(line.span, take)
        }
        reader.flush(take)
        #expect(bytesOut <= bytesIn * 3)
        #expect(format != .plain || bytesOut > bytesIn / 4)
    }
}
