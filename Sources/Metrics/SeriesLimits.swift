/// How many series an agent holds.
public struct SeriesLimits: Sendable, Hashable {
    /// Of one container.
    public var perContainer: Int
    /// Of all containers together; node and agent come on top.
    public var perAgent: Int

    public init(perContainer: Int = 10_000, perAgent: Int = 300_000) {
        self.perContainer = max(1, perContainer)
        self.perAgent = max(1, perAgent)
    }
}
