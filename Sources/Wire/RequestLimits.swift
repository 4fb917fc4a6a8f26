/// How large one request may become. A single series that is larger than `bytes` goes alone.
public struct RequestLimits: Sendable, Equatable {
    /// The most samples; at least 1.
    public let samples: Int
    /// The most bytes before compression; at least 1.
    public let bytes: Int

    public init(samples: Int = 10_000, bytes: Int = 1 << 20) {
        self.samples = max(1, samples)
        self.bytes = max(1, bytes)
    }

    public static let standard = RequestLimits()
}
