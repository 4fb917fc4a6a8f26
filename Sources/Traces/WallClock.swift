internal import Linux

/// Wall-clock times of events, which carry CLOCK_MONOTONIC: by an offset that is measured once a second.
struct WallClock: Sendable {
    private static let interval: UInt64 = 1_000_000_000

    private var offset: UInt64 = 0
    private var measuredAt: UInt64 = 0

    /// Nanoseconds since the Unix epoch. Reads clocks when the last measurement is a second older than `time`.
    mutating func wallTime(of time: UInt64) -> UInt64 {
        if measuredAt == 0 || time > measuredAt &+ Self.interval { measure() }
        return time &+ offset
    }

    /// The middle of two readings is when the wall clock was read; of several tries the closest counts, since a thread may be
    /// interrupted in between.
    private mutating func measure() {
        var best = UInt64.max
        for _ in 0..<3 {
            let before = MonotonicClock.now()
            let wall = MonotonicClock.wallTime()
            let gap = MonotonicClock.now() &- before
            guard gap < best else { continue }
            best = gap
            offset = wall &- (before &+ gap / 2)
            measuredAt = before
        }
    }
}
