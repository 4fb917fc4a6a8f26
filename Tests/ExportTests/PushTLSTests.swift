import Foundation
import Logging
import Metrics
import NIOSSL
import Testing

@testable import Export

/// https towards a server whose certificate comes from an authority made for the test.
@Suite(.enabled(if: Tool.openssl.isInstalled, "openssl is not installed"))
struct PushTLSTests {
    /// Makes `ca.pem`, and `cert.pem` with `key.pem` for `names`, signed by it.
    private func makeCertificates(_ folder: TemporaryFolder, names: String) async throws {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        try await openssl(
            [
                "req", "-x509", "-subj", "/CN=Test authority", "-keyout", folder.path("ca.key"), "-out",
                folder.path("ca.pem"),
            ]
                + key)
        try await openssl(
            [
                "req", "-x509", "-subj", "/CN=Test server", "-CA", folder.path("ca.pem"), "-CAkey",
                folder.path("ca.key"),
                "-addext", "subjectAltName=\(names)", "-addext", "basicConstraints=critical,CA:FALSE",
                "-keyout", folder.path("key.pem"), "-out", folder.path("cert.pem"),
            ] + key)
    }

    private func openssl(_ arguments: [String]) async throws {
        let output = try await Tool.openssl.run(arguments)
        try #require(output.status == 0, "\(output.stderr)")
    }

    /// Sends once to a TLS server with a certificate for `names`, and returns what became of it.
    private func send(
        names: String, host: String = "127.0.0.1",
        _ change: (inout PushConfiguration, TemporaryFolder) throws -> Void
    ) async throws -> (statistics: PushStatistics, lines: [String]) {
        try await TemporaryFolder.with { folder in
            try await makeCertificates(folder, names: names)
            let context = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(folder.path("cert.pem")).map {
                        .certificate($0)
                    },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: folder.path("key.pem"), format: .pem))))
            return try await ScriptedServer.with([.status(200)], tls: context) { server in
                var configuration = PushConfiguration(
                    endpoints: [try Endpoint("https://\(host):\(server.port)/v1/metrics")], extraLabels: .empty,
                    userAgent: "martlet-node/0.0.0")
                configuration.interval = .seconds(3600)
                try change(&configuration, folder)
                let log = LogCapture()
                let sender = try MetricsPush(configuration, source: ClosureSource.small, logger: log.logger)
                await sender.start()
                _ = await eventually { sender.statistics.sentRequests + sender.statistics.failedRequests > 0 }
                let statistics = sender.statistics
                await sender.shutdown(timeout: .milliseconds(500))
                return (statistics, log.lines)
            }
        }
    }

    @Test(arguments: [("IP:127.0.0.1", "127.0.0.1"), ("DNS:localhost", "localhost")])
    func trustsTheAuthorityInTheFile(names: String, host: String) async throws {
        let (statistics, lines) = try await send(names: names, host: host) { $0.transport.caFile = $1.path("ca.pem") }
        #expect(statistics.sentRequests == 1, "\(lines)")
    }

    @Test func refusesAnUnknownAuthority() async throws {
        let (statistics, lines) = try await send(names: "IP:127.0.0.1") { _, _ in }
        #expect(statistics.sentRequests == 0)
        #expect(statistics.failedRequests == 1)
        #expect(
            lines.contains { $0.contains("certificate is not trusted or has expired; --ca-file") }, "\(lines)")
    }

    @Test func refusesAnotherHostsCertificate() async throws {
        let (statistics, lines) = try await send(names: "DNS:elsewhere.example") {
            $0.transport.caFile = $1.path("ca.pem")
        }
        #expect(statistics.sentRequests == 0)
        #expect(statistics.failedRequests == 1, "\(lines)")
    }

    @Test func skipsVerificationWhenTold() async throws {
        let (statistics, lines) = try await send(names: "DNS:elsewhere.example") { configuration, _ in
            configuration.transport.skipsVerification = true
        }
        #expect(statistics.sentRequests == 1, "\(lines)")
    }

    @Test func plainHTTPToATLSServerIsAFailure() async throws {
        let (statistics, lines) = try await send(names: "IP:127.0.0.1") { configuration, _ in
            configuration.endpoints = [try Endpoint("http://127.0.0.1:\(configuration.endpoints[0].port)")]
        }
        #expect(statistics.sentRequests == 0)
        #expect(statistics.failedRequests == 1, "\(lines)")
    }

    @Test func unusableCAFiles() async throws {
        try await TemporaryFolder.with { folder in
            try Data("no certificate".utf8).write(to: folder.url.appendingPathComponent("bad.pem"))
            for (name, words) in [("bad.pem", "certificate"), ("missing.pem", "No such file or directory")] {
                var configuration = PushConfiguration(
                    endpoints: [try Endpoint("https://127.0.0.1:1")], extraLabels: .empty, userAgent: "test")
                configuration.transport.caFile = folder.path(name)
                let error = #expect(throws: PushError.self) {
                    try MetricsPush(configuration, source: ClosureSource.small, logger: LogCapture().logger)
                }
                let text = "\(try #require(error))"
                #expect(text.hasPrefix("cannot use \(folder.path(name)): "))
                #expect(text.contains(words), "\(text)")
            }
        }
    }
}
