import Foundation
import NIOSSL
import Testing

/// A certificate authority of a test, made by openssl.
struct TestAuthority {
    let folder: TemporaryFolder

    /// Makes `ca.pem`.
    init(in folder: TemporaryFolder) async throws {
        self.folder = folder
        try await openssl(
            ["req", "-x509", "-subj", "/CN=Test authority", "-keyout", file("ca.key"), "-out", file("ca.pem")])
    }

    func file(_ name: String) -> String { folder.path(name) }

    /// Makes `NAME.pem` and `NAME.key` for `names`, such as `IP:127.0.0.1`.
    func issue(_ name: String, for names: String) async throws {
        try await openssl([
            "req", "-x509", "-subj", "/CN=\(name)", "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-addext",
            "subjectAltName=\(names)", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout",
            file("\(name).key"), "-out", file("\(name).pem"),
        ])
    }

    /// For a server that shows the certificate NAME, and wants to see one of this authority from clients if asked to.
    func server(_ name: String, verifiesClients: Bool = false) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(file("\(name).pem")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: file("\(name).key"), format: .pem)))
        if verifiesClients {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(file("ca.pem"))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func openssl(_ arguments: [String]) async throws {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        let output = try await Tool.openssl.run(arguments + key)
        try #require(output.status == 0, "\(output.stderr)")
    }
}
