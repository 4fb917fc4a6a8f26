import Wire

/// How the body of a request was made: all that its headers must say.
struct Packaging: Hashable, Sendable {
    let format: RequestFormat
    let coding: RequestCoding

    init(format: RequestFormat, coding: RequestCoding) {
        self.format = format
        self.coding = coding
    }

    init(metricsProtocol: MetricsProtocol, coding: RequestCoding) {
        self.init(format: RequestFormat(metricsProtocol), coding: coding)
    }
}

extension Packaging: CustomStringConvertible {
    /// For messages, such as `remote-write-2 with zstd`.
    var description: String { coding == .none ? "\(format.name) uncompressed" : "\(format.name) with \(coding)" }
}
