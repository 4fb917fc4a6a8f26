/// `Span.SpanKind` of opentelemetry/proto/trace/v1/trace.proto.
public enum SpanKind: UInt8, Sendable {
    case server = 2
    case client = 3
    case producer = 4
    case consumer = 5
}
