/// Who encrypts, and so sees the plain text.
public enum TLSLibrary: String, Sendable, CaseIterable {
    /// OpenSSL and BoringSSL, as a library or inside of a program.
    case openssl
    case gnutls
    /// crypto/tls of Go programs.
    case go
    /// rustls, inside of a program.
    case rustls
}
