/// The formats in which a page of metrics can be written.
public enum TextFormat: Sendable, CaseIterable {
    /// Prometheus text format 0.0.4.
    case prometheus004
    /// OpenMetrics 1.0.0 (prometheus.io/docs/specs/om/open_metrics_spec).
    case openMetrics1

    /// The value of the Content-Type header.
    public var contentType: String {
        switch self {
        case .prometheus004: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics1: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}
