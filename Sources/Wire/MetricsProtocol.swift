/// How series leave the agent when it pushes.
public enum MetricsProtocol: String, Sendable, CaseIterable {
    /// `prometheus.WriteRequest` (prometheus.io/docs/specs/prw/remote_write_spec).
    case remoteWrite = "remote-write"
    /// `io.prometheus.write.v2.Request` (prometheus.io/docs/specs/prw/remote_write_spec_2_0).
    case remoteWrite2 = "remote-write-2"
    /// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest` over HTTP
    /// (opentelemetry.io/docs/specs/otlp/#otlphttp).
    case otlp

    /// The value of the Content-Type header.
    public var contentType: String {
        switch self {
        case .remoteWrite, .otlp: "application/x-protobuf"
        case .remoteWrite2: "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        }
    }

    /// Headers that say which version of the protocol this is, beside Content-Type and Content-Encoding.
    public var versionHeaders: [(name: String, value: String)] {
        switch self {
        case .remoteWrite: [("X-Prometheus-Remote-Write-Version", "0.1.0")]
        case .remoteWrite2: [("X-Prometheus-Remote-Write-Version", "2.0.0")]
        case .otlp: []
        }
    }
}
