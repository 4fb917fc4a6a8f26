import Glibc
import Linux
import Synchronization

/// Where all log handlers of the process write: lines with a time stamp, at a bounded rate. Lines over the rate are
/// dropped and counted; the count is written before the next line that passes.
final class LogSink: Sendable {
    private struct State {
        var bucket: TokenBucket
        var suppressed: UInt64 = 0
    }

    private let state: Mutex<State>
    private let clock: @Sendable () -> UInt64
    private let wallClock: @Sendable () -> UInt64
    private let output: @Sendable ([UInt8]) -> Void

    /// - Parameters:
    ///   - perSecond: lines per second in the long run.
    ///   - burst: lines at once.
    ///   - clock: nanoseconds that do not go back.
    ///   - wallClock: nanoseconds since the Unix epoch.
    ///   - output: takes a whole line with its end; called under a lock.
    init(
        perSecond: Double, burst: Int, clock: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() },
        wallClock: @escaping @Sendable () -> UInt64 = { MonotonicClock.wallTime() },
        output: @escaping @Sendable ([UInt8]) -> Void = { StandardStreams.write($0, to: STDERR_FILENO) }
    ) {
        self.state = Mutex(State(bucket: TokenBucket(perSecond: perSecond, burst: burst, now: clock())))
        self.clock = clock
        self.wallClock = wallClock
        self.output = output
    }

    /// Writes `text`, which is one line without its end, after the time.
    func write(level: String, _ text: String) {
        state.withLock { state in
            guard state.bucket.take(now: clock()) else {
                state.suppressed += 1
                return
            }
            let time = Self.timestamp(wallClock())
            if state.suppressed > 0 {
                output(Array("\(time) warning log lines were suppressed count=\(state.suppressed)\n".utf8))
                state.suppressed = 0
            }
            output(Array("\(time) \(level) \(text)\n".utf8))
        }
    }

    /// UTC to the millisecond (RFC 3339).
    static func timestamp(_ nanoseconds: UInt64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let (year, month, day) = (Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday))
        let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
        let time = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(date)T\(time).\(digits(Int(nanoseconds / 1_000_000 % 1000), 3))Z"
    }

    private static func digits(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
