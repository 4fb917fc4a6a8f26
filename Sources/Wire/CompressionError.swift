/// A compression library refused to work; in practice it had no memory.
public struct CompressionError: Error, CustomStringConvertible, Equatable {
    /// The library's name, such as "zstd".
    public let library: String
    /// The library's own error number.
    public let code: Int

    public var description: String { "\(library) cannot compress: error \(code)" }
}
