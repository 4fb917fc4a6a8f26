/// What of a server's answer to a POST matters.
struct HTTPResponse: Sendable {
    let status: Int
    /// The first line of the body, at most `longestReason` bytes, without control characters.
    let reason: String
    /// Seconds of the Retry-After header.
    let retryAfter: Int?

    static let longestReason = 256
}
