/// Keeps a part of all traces: by the trace's id, so that all who see a trace agree.
///
/// OpenTelemetry's consistent probability sampling (opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling):
/// the low 56 bits of the id are random; kept is what is not below the threshold (1 - probability) · 2⁵⁶.
struct TraceSampler: Sendable {
    private static let range = 72_057_594_037_927_936.0
    private static let mask: UInt64 = 1 << 56 - 1

    private let threshold: UInt64

    /// What is no probability counts as 1, as with coroot-node-agent.
    init(probability: Double) {
        let probability = probability >= 0 && probability <= 1 ? probability : 1
        threshold = UInt64(((1 - probability) * Self.range).rounded())
    }

    /// An id of a trace that is kept, made of a random number.
    func kept(_ random: UInt64) -> UInt64 {
        let kept = Self.mask - threshold &+ 1
        return kept == 0 ? random : random & ~Self.mask | (threshold + random & Self.mask % kept)
    }

    func keeps(traceLow: UInt64) -> Bool { traceLow & Self.mask >= threshold }
}
