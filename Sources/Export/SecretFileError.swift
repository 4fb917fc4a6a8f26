/// Why there is no secret in a file.
public struct SecretFileError: Error, Sendable, Equatable, CustomStringConvertible {
    public let path: String
    public let reason: String

    public var description: String { "cannot read the secret in \(path): \(reason)" }
}
