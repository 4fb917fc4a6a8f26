import Glibc
import NIOSSL

/// Certificates and keys in files (PEM, RFC 7468).
public enum TLSFiles {
    /// Throws unless `path` holds at least one certificate, and nothing that is none.
    public static func checkCertificates(_ path: String) throws(TLSError) { _ = try certificates(path) }

    /// Throws unless the key in one file is that of the first certificate in the other.
    public static func checkPair(certificate: String, key: String) throws(TLSError) {
        let chain = try certificates(certificate)
        let secret = try self.key(key)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([])
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(secret)
        do { _ = try NIOSSLContext(configuration: configuration) } catch {
            throw .unusableFile(path: key, reason: "it is not the key of the certificate in \(certificate)")
        }
    }

    /// Throws unless `path` holds a private key without a passphrase.
    public static func checkKey(_ path: String) throws(TLSError) { _ = try key(path) }

    static func certificates(_ path: String) throws(TLSError) -> [NIOSSLCertificate] {
        try checkReadable(path)
        let found: [NIOSSLCertificate]
        do { found = try NIOSSLCertificate.fromPEMFile(path) } catch {
            throw .unusableFile(path: path, reason: "it holds no certificate in PEM form")
        }
        guard !found.isEmpty else { throw .unusableFile(path: path, reason: "it holds no certificate in PEM form") }
        return found
    }

    static func key(_ path: String) throws(TLSError) -> NIOSSLPrivateKey {
        try checkReadable(path)
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem) { (give: ([UInt8]) -> Void) in give([]) }
        } catch {
            throw .unusableFile(path: path, reason: "it holds no private key in PEM form, or one with a passphrase")
        }
    }

    private static func checkReadable(_ path: String) throws(TLSError) {
        guard access(path, R_OK) == 0 else { throw .unusableFile(path: path, reason: String(cString: strerror(errno))) }
    }
}
