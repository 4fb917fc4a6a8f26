import Glibc

/// The kernel's clocks in nanoseconds. BPF's `bpf_ktime_get_ns` is the monotonic one.
public enum MonotonicClock {
    /// `CLOCK_MONOTONIC`, the clock of event time stamps.
    public static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// `CLOCK_BOOTTIME`, the clock of process start times.
    public static func bootTime() -> UInt64 { read(CLOCK_BOOTTIME) }

    /// `CLOCK_REALTIME`: nanoseconds since the Unix epoch.
    public static func wallTime() -> UInt64 { read(CLOCK_REALTIME) }

    /// CPU time of the calling thread.
    public static func threadCPU() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
