/// So many a second in the long run, and as many at once. Belongs to one thread.
final class RateLimit {
    private let perSecond: UInt64
    // Not checked at run time: the thread that reads has it alone.
    @exclusivity(unchecked) private var tokens: UInt64
    @exclusivity(unchecked) private var time: UInt64 = 0

    /// 0 is without limit.
    init(perSecond: Int) {
        self.perSecond = UInt64(max(0, perSecond))
        tokens = self.perSecond
    }

    /// Whether one more may pass at `now` (nanoseconds).
    @inline(__always)
    func take(at now: UInt64) -> Bool {
        if perSecond == 0 { return true }
        if now > time {
            let earned = min(now - time, 1_000_000_000) * min(perSecond, 1_000_000_000) / 1_000_000_000
            if earned > 0 {
                tokens = min(perSecond, tokens + earned)
                time = now
            }
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
