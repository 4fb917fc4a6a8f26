/// The header fields that matter here.
enum HTTP2Field: UInt8 {
    /// One that does not matter.
    case other
    /// One that was sent as a reference to what nobody saw: it may be any.
    case unknown
    case method
    case path
    case scheme
    case authority
    case status
    case contentType
    case grpcStatus
    case traceparent
    case b3
    case b3TraceID
    case b3SpanID
    case b3Sampled
    case b3Flags

    /// Longest name here, in bytes.
    static let maximumName = 12

    /// By its name, which HTTP/2 has in lower case.
    init(name: RawSpan) {
        self =
            switch name.byteCount {
            case 2 where name.has("b3"): .b3
            case 5 where name.has(":path"): .path
            case 7 where name.has(":method"): .method
            case 7 where name.has(":scheme"): .scheme
            case 7 where name.has(":status"): .status
            case 10 where name.has(":authority"): .authority
            case 10 where name.has("x-b3-flags"): .b3Flags
            case 11 where name.has("grpc-status"): .grpcStatus
            case 11 where name.has("traceparent"): .traceparent
            case 11 where name.has("x-b3-spanid"): .b3SpanID
            case 12 where name.has("content-type"): .contentType
            case 12 where name.has("x-b3-traceid"): .b3TraceID
            case 12 where name.has("x-b3-sampled"): .b3Sampled
            default: .other
            }
    }

    /// Whether metrics need it; the others are texts for traces.
    var isForMetrics: Bool {
        switch self {
        case .other, .unknown, .status, .contentType, .grpcStatus: true
        default: false
        }
    }
}
