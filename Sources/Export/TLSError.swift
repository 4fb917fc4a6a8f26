/// Why TLS towards an endpoint cannot be set up.
public enum TLSError: Error, Equatable, CustomStringConvertible {
    /// A file given with --ca-file, --client-cert or --client-key.
    case unusableFile(path: String, reason: String)
    case noTrustedRoots(reason: String)

    public var description: String {
        switch self {
        case .unusableFile(let path, let reason): "cannot use \(path): \(reason)"
        case .noTrustedRoots(let reason):
            "no certificate authorities on this machine (\(reason)); install ca-certificates or give some with --ca-file"
        }
    }
}
