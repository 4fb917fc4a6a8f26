/// Why remote write cannot be set up.
public enum RemoteWriteError: Error, Equatable, CustomStringConvertible {
    case tls(TLSError)
    /// A header cannot carry the API key.
    case malformedAPIKey

    public var description: String {
        switch self {
        case .tls(let error): error.description
        case .malformedAPIKey: "the API key has blanks at its ends or control characters; check --api-key"
        }
    }
}
