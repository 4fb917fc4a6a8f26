/// What a request carries.
public enum Signal: Sendable, CaseIterable {
    case metrics
    case logs
    case traces

    /// What is counted of it, for people.
    public var items: String {
        switch self {
        case .metrics: "samples"
        case .logs: "log records"
        case .traces: "spans"
        }
    }

    /// The same at the end of the reasons in `martlet_dropped_total`.
    public var itemsInReasons: String {
        switch self {
        case .metrics: "samples"
        case .logs: "log_records"
        case .traces: "spans"
        }
    }
}
