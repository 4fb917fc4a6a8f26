/// The types of the Prometheus data model that Martlet emits.
public enum MetricType: String, Sendable {
    case counter
    case gauge
    /// Of a whole histogram; its parts are counters (`MetricFamily.histogramPart`).
    case histogram
}
