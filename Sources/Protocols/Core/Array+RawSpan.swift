extension [UInt8] {
    /// Adds the bytes of a span.
    mutating func append(_ bytes: RawSpan) { bytes.withUnsafeBytes { append(contentsOf: $0) } }
}
