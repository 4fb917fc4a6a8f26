/// Lets one line through per minute and counts the others.
public struct LogLimit {
    private var next: ContinuousClock.Instant?
    private var suppressed = 0

    public init() {}

    /// The number of lines held back since the last one, if a line may be written now.
    public mutating func admit(now: ContinuousClock.Instant = .now) -> Int? {
        if let next, now < next {
            suppressed += 1
            return nil
        }
        next = now + .seconds(60)
        defer { suppressed = 0 }
        return suppressed
    }
}
