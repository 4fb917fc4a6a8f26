/// HTTP/2 (RFC 9113) and gRPC on it.
final class HTTP2Parser: ProtocolParser {
}
