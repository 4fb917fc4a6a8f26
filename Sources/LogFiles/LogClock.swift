internal import Linux

/// What time it is, for those who read logs; tests have their own.
public struct LogClock: Sendable {
    /// Nanoseconds that do not go back.
    let monotonic: @Sendable () -> UInt64
    /// Nanoseconds since the Unix epoch.
    let wall: @Sendable () -> UInt64

    public static let kernel = LogClock(
        monotonic: { MonotonicClock.now() }, wall: { MonotonicClock.wallTime() })
}
