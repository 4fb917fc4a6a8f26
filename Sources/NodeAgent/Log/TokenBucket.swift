/// Lets `burst` things pass at once and `perSecond` over time.
struct TokenBucket: Sendable {
    let perSecond: Double
    let burst: Double
    private var tokens: Double
    private var last: UInt64

    /// A full bucket at `now`, in nanoseconds of any clock that does not go back.
    init(perSecond: Double, burst: Int, now: UInt64) {
        self.perSecond = perSecond
        self.burst = Double(burst)
        self.tokens = Double(burst)
        self.last = now
    }

    /// Takes a token, if there is one at `now`.
    mutating func take(now: UInt64) -> Bool {
        if now > last {
            // Never 0 times an infinite rate, which would be no number.
            tokens = min(burst, tokens + Double(now - last) / 1e9 * perSecond)
            last = now
        }
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
