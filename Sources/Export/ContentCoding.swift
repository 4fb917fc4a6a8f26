/// How a response body is compressed (RFC 9110, section 8.4.1).
enum ContentCoding: String, CaseIterable {
    case identity
    case gzip
    case zstd
}
