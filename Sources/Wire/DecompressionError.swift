/// Bytes that are not what they should be, or would become too many.
public enum DecompressionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The bytes are no intact output of the named method.
    case malformed(String)
    /// More than the caller takes.
    case tooLarge(limit: Int)

    public var description: String {
        switch self {
        case .malformed(let method): "the bytes are not \(method)"
        case .tooLarge(let limit): "more than \(limit) bytes once decompressed"
        }
    }
}
