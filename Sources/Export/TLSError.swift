/// Why TLS towards an endpoint cannot be set up.
public enum TLSError: Error, Equatable, CustomStringConvertible {
    /// The file given with --ca-file.
    case unusableCAFile(path: String, reason: String)
    case noTrustedRoots(reason: String)

    public var description: String {
        switch self {
        case .unusableCAFile(let path, let reason):
            "cannot use the CA file \(path): \(reason); --ca-file takes certificates in PEM"
        case .noTrustedRoots(let reason):
            "no certificate authorities on this machine (\(reason)); install ca-certificates or give some with --ca-file"
        }
    }
}
