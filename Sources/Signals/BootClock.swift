internal import Linux

/// Events carry CLOCK_MONOTONIC, process start times CLOCK_BOOTTIME; the two differ by the time spent suspended.
enum BootClock {
    /// What to add to a CLOCK_MONOTONIC time to get CLOCK_BOOTTIME, in nanoseconds.
    static func offset() -> UInt64 { MonotonicClock.bootTime() &- MonotonicClock.now() }
}
