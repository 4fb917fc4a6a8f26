import Glibc
import NIOSSL

/// Trust for https endpoints.
enum TLSContext {
    /// Trusts the machine's certificate authorities and those in `caFile`; with `skipsVerification`, everybody.
    static func make(caFile: String?, skipsVerification: Bool) throws(TLSError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if skipsVerification { configuration.certificateVerification = .none }
        var added = [NIOSSLCertificate]()
        if let caFile {
            guard access(caFile, R_OK) == 0 else {
                throw .unusableCAFile(path: caFile, reason: String(cString: strerror(errno)))
            }
            do {
                added = try NIOSSLCertificate.fromPEMFile(caFile)
            } catch {
                throw .unusableCAFile(path: caFile, reason: "it holds no certificate (\(error))")
            }
            guard !added.isEmpty else { throw .unusableCAFile(path: caFile, reason: "it holds no certificate") }
            configuration.additionalTrustRoots = [.certificates(added)]
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            // A machine without roots of its own can do with those of the file.
            guard !added.isEmpty || skipsVerification else { throw .noTrustedRoots(reason: "\(error)") }
            configuration.trustRoots = .certificates(added)
            configuration.additionalTrustRoots = []
            do {
                return try NIOSSLContext(configuration: configuration)
            } catch {
                throw .noTrustedRoots(reason: "\(error)")
            }
        }
    }
}
