internal import Metrics

/// The round-trip time to one address that a container connects to.
struct Latency {
    /// Rounds without an answer after which the address counts as one that answers no echo request.
    static let patience = 2

    /// Of the last echo, in seconds; nil where it was not answered.
    var echo: Double?
    /// Rounds in a row without an answer.
    var unanswered = 0
    /// The smallest smoothed round-trip time of the open connections to the address, in seconds.
    var connections: Double?
    var labels: LabelSet?

    /// Whether the address's connections are asked instead.
    var needsConnections: Bool { echo == nil && unanswered >= Self.patience }

    var value: Double? { echo ?? (needsConnections ? connections : nil) }
}
