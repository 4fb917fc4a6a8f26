import Testing

@testable import Export

/// How large requests may be after refusals.
@Suite struct SizeLimitTests {
    @Test func eachRefusalHalves() {
        var limit = SizeLimit()
        #expect(limit.bytes == .max)
        limit.taken(1 << 20)
        limit.refused(1 << 20)
        #expect(limit.bytes == 1 << 19)
        limit.refused(1 << 19)
        #expect(limit.bytes == 1 << 18)
        // A part of one that was refused before.
        limit.refused(1 << 20)
        #expect(limit.bytes == 1 << 18)
        for _ in 0..<20 { limit.refused(limit.bytes) }
        #expect(limit.bytes == SizeLimit.smallest)
    }

    /// One large item among small ones does not make all requests small.
    @Test func notBelowWhatWasTaken() {
        var limit = SizeLimit()
        limit.refused(1_000_000)
        limit.taken(400_000)
        limit.refused(400_000)
        limit.refused(100_000)
        #expect(limit.bytes == 400_000)
        var other = SizeLimit()
        other.refused(1_000_000)
        other.refused(200_000)
        #expect(other.bytes == 100_000)
        other.taken(500_000)
        #expect(other.bytes == 500_000)
    }

    @Test func itIsForgotten() {
        var limit = SizeLimit()
        let now = ContinuousClock.now
        limit.refused(1000, now: now)
        limit.expire(now: now + Dialect.memory - .seconds(1))
        #expect(limit.bytes == SizeLimit.smallest)
        limit.expire(now: now + Dialect.memory)
        #expect(limit.bytes == .max)
    }
}
