/// How large requests to one receiver may be before compression, as far as its answers tell.
///
/// A receiver does not say what is too large for it (413). Each refusal halves the limit, but not below what was taken since the
/// first one: what is refused may be one large item among small ones. It is forgotten after a day, as other refusals are.
struct SizeLimit {
    /// The limit does not become smaller than this.
    static let smallest = 16 << 10

    /// `Int.max` while nothing was refused.
    private(set) var bytes = Int.max
    private var largestTaken = 0
    private var until: ContinuousClock.Instant?

    /// The receiver found a request of this size too large.
    mutating func refused(_ size: Int, now: ContinuousClock.Instant = .now) {
        if until == nil { until = now + Dialect.memory }
        bytes = max(Self.smallest, largestTaken, min(bytes, size / 2))
    }

    /// The receiver took a request of this size.
    mutating func taken(_ size: Int) {
        guard until != nil else { return }
        largestTaken = max(largestTaken, size)
        bytes = max(bytes, largestTaken)
    }

    /// Forgets what is old.
    mutating func expire(now: ContinuousClock.Instant = .now) {
        if let until, now >= until { self = SizeLimit() }
    }
}
