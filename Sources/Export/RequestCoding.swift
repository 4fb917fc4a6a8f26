/// How the body of a request is compressed. The numbers are those of docs/spool.md.
enum RequestCoding: UInt8, Sendable, CaseIterable {
    case snappy = 0
    case zstd = 1
    case gzip = 2
    case none = 3

    /// The value of the Content-Encoding header.
    var header: String? { self == .none ? nil : "\(self)" }
}
