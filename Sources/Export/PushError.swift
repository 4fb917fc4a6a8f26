/// Why pushing cannot be set up.
public enum PushError: Error, Equatable, CustomStringConvertible {
    case tls(TLSError)
    /// A header cannot carry the API key.
    case malformedAPIKey
    case secretFile(SecretFileError)

    public var description: String {
        switch self {
        case .tls(let error): error.description
        case .malformedAPIKey: "the API key has blanks at its ends or control characters; check --api-key"
        case .secretFile(let error): error.description
        }
    }
}
