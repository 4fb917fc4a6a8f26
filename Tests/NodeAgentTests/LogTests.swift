import Logging
import Synchronization
import Testing

@testable import NodeAgent

@Suite struct LogTests {
    /// What was written, and clocks to turn.
    private final class Recorder: Sendable {
        let lines = Mutex<[String]>([])
        let now = Mutex<UInt64>(0)

        func sink(perSecond: Double, burst: Int) -> LogSink {
            LogSink(
                perSecond: perSecond, burst: burst, clock: { self.now.withLock { $0 } },
                // 2026-11-23 21:34:00.123456789 UTC
                wallClock: { 1_795_469_640_123_456_789 },
                output: { line in self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } })
        }

        var written: [String] { lines.withLock { $0 } }
    }

    @Test func lines() {
        let recorder = Recorder()
        let sink = recorder.sink(perSecond: 10, burst: 100)
        var logger = Logger(label: "x") { _ in AgentLogHandler(sink: sink, level: .info) }
        logger[metadataKey: "a"] = "1"
        logger.debug("not shown")
        logger.info("hello")
        logger.warning("two\nlines\u{1B}", metadata: ["b": "x y", "a": "2", "c": "", "d": "say \"it\"", "e": ["f"]])
        #expect(
            recorder.written == [
                "2026-11-23T21:34:00.123Z info hello a=1\n",
                "2026-11-23T21:34:00.123Z warning two lines  a=2 b=\"x y\" c=\"\" d=\"say \\\"it\\\"\" "
                    + "e=\"[\\\"f\\\"]\"\n",
            ])
    }

    @Test func suppressedLinesAreCounted() {
        let recorder = Recorder()
        let sink = recorder.sink(perSecond: 2, burst: 3)
        for number in 0..<10 { sink.write(level: "info", "\(number)") }
        #expect(recorder.written.count == 3)
        recorder.now.withLock { $0 = 500_000_000 }
        sink.write(level: "info", "again")
        #expect(
            recorder.written.suffix(2) == [
                "2026-11-23T21:34:00.123Z warning log lines were suppressed count=7\n",
                "2026-11-23T21:34:00.123Z info again\n",
            ])
        sink.write(level: "info", "too soon")
        #expect(recorder.written.count == 5)
    }

    @Test func bucket() {
        var bucket = TokenBucket(perSecond: 1, burst: 2, now: 1000)
        let taken = [1000, 0, 1000, 1_000_001_000, 1_500_000_000].map { bucket.take(now: $0) }
        #expect(taken == [true, true, false, true, false])
        var none = TokenBucket(perSecond: 0, burst: 0, now: 0)
        let got = none.take(now: .max)
        #expect(!got)
        var all = TokenBucket(perSecond: .infinity, burst: 1, now: 0)
        let each = [1, 2, 3].map { all.take(now: $0) }
        #expect(each == [true, true, true])
    }

    @Test func timestamps() {
        #expect(LogSink.timestamp(0) == "1970-01-01T00:00:00.000Z")
        #expect(LogSink.timestamp(951_868_799_999_999_999) == "2000-02-29T23:59:59.999Z")
    }
}
