/// Which spans are made, and how their attributes are called.
public struct TraceOptions: Sendable {
    /// Names of attributes (opentelemetry.io/docs/specs/semconv).
    public enum Conventions: String, Sendable, CaseIterable {
        /// Those of version 1.18, which coroot-node-agent has.
        case old
        /// Those that are stable today.
        case stable
        case both

        var isOld: Bool { self != .stable }
        var isStable: Bool { self != .old }
    }

    public var conventions = Conventions.old
    /// The part of traces that is kept, 0 to 1.
    public var sampling = 1.0
    /// Whether requests that a container served have spans.
    public var includesInbound = false
    /// Whether values are taken out of queries.
    public var obfuscatesQueries = false

    public init() {}
}
