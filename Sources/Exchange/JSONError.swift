/// Why a document was not taken.
public enum JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooLarge(limit: Int)
    case tooDeep(limit: Int)
    case malformed(line: Int)

    public var description: String {
        switch self {
        case .tooLarge(let limit): "JSON document is larger than \(limit) bytes"
        case .tooDeep(let limit): "JSON document is nested deeper than \(limit)"
        case .malformed(let line): "not a JSON document: error in line \(line)"
        }
    }
}
