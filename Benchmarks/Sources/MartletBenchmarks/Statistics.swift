/// Figures over the rounds of one run.
enum Statistics {
    /// The middle value, or the mean of the two in the middle; 0 of nothing.
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        if sorted.isEmpty { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// The median of A to B, round by round: what disturbs a whole round cancels out.
    static func ratio(_ numerators: [Double], _ denominators: [Double]) -> Double {
        median(zip(numerators, denominators).map { $0 / $1 })
    }
}
