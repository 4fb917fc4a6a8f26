import Wire

/// How the body of a request was made: all that its headers must say.
struct Packaging: Hashable, Sendable {
    let metricsProtocol: MetricsProtocol
    let coding: RequestCoding
}

extension Packaging: CustomStringConvertible {
    /// For messages, such as `remote-write-2 with zstd`.
    var description: String {
        coding == .none ? "\(metricsProtocol.rawValue) uncompressed" : "\(metricsProtocol.rawValue) with \(coding)"
    }
}
