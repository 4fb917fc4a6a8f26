/// How the user wants requests to be compressed.
public enum PushCompression: String, Sendable, CaseIterable {
    /// What the protocol asks for, and zstd for remote write where the receiver says that it is VictoriaMetrics.
    case auto
    case snappy
    case zstd
    /// OTLP only.
    case gzip
    /// OTLP only.
    case none
}
