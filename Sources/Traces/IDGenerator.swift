/// Ids of traces and spans: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021), seeded
/// by the system once. Ids must differ, not be secret.
struct IDGenerator: Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init() {
        var random = SystemRandomNumberGenerator()
        // All zero is the one state that it cannot leave.
        state = (random.next(), random.next(), random.next(), random.next() | 1)
    }

    /// Never 0, which is no id.
    mutating func next() -> UInt64 {
        while true {
            let result = Self.rotate(state.1 &* 5, 7) &* 9
            let shifted = state.1 << 17
            state.2 ^= state.0
            state.3 ^= state.1
            state.1 ^= state.2
            state.0 ^= state.3
            state.2 ^= shifted
            state.3 = Self.rotate(state.3, 45)
            if result != 0 { return result }
        }
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
