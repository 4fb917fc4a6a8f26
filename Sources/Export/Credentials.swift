/// How the agent proves who it is, in the Authorization header.
public enum Credentials: Sendable {
    case none
    /// RFC 6750.
    case bearer(String)
    case bearerFile(SecretFile)
    /// RFC 7617.
    case basic(user: String, SecretFile)

    /// The header's value now. Throws `SecretFileError` if a file cannot be read.
    func authorization() throws(SecretFileError) -> String? {
        switch self {
        case .none: nil
        case .bearer(let token): "Bearer \(token)"
        case .bearerFile(let file): "Bearer \(try file.text())"
        case .basic(let user, let file): "Basic " + Base64.encode(Array("\(user):\(try file.text())".utf8))
        }
    }
}
