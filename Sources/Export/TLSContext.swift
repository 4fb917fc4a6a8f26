import NIOSSL

/// Trust for https endpoints, and the agent's own certificate.
enum TLSContext {
    /// Trusts the machine's certificate authorities and those in the CA file, or everybody if verification is skipped.
    static func make(_ transport: TransportConfiguration) throws(TLSError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if transport.skipsVerification { configuration.certificateVerification = .none }
        var added = [NIOSSLCertificate]()
        if let file = transport.caFile {
            added = try TLSFiles.certificates(file)
            configuration.additionalTrustRoots = [.certificates(added)]
        }
        if let certificate = transport.clientCertificate, let key = transport.clientKey {
            configuration.certificateChain = try TLSFiles.certificates(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try TLSFiles.key(key))
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            // A machine without roots of its own can do with those of the file.
            guard !added.isEmpty || transport.skipsVerification else { throw .noTrustedRoots(reason: "\(error)") }
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
