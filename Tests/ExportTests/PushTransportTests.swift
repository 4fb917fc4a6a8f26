import Foundation
import Logging
import Metrics
import Testing

@testable import Export

/// Who the agent says it is.
@Suite(.enabled(if: Tool.openssl.isInstalled, "openssl is not installed"))
struct PushTransportTests {
    private func configuration(_ url: String) throws -> PushConfiguration {
        var configuration = PushConfiguration(
            endpoints: [try Endpoint(url)], extraLabels: .empty, userAgent: "martlet-node/0.0.0")
        configuration.interval = .milliseconds(50)
        configuration.shortestPause = .milliseconds(20)
        configuration.longestPause = .milliseconds(50)
        return configuration
    }

    private func running(
        _ configuration: PushConfiguration, log: LogCapture = LogCapture(), _ body: (MetricsPush) async throws -> Void
    ) async throws {
        let push = try MetricsPush(configuration, source: ClosureSource.small, logger: log.logger)
        await push.start()
        try await body(push)
        await push.shutdown(timeout: .seconds(1))
    }

    /// A token is renewed: first the new one is in the file, then the server stops taking the old one.
    @Test func readsATokenAgainWhenItsFileChanges() async throws {
        try await TemporaryFolder.with { folder in
            let file = folder.url.appendingPathComponent("token")
            try Data("first\n".utf8).write(to: file)
            try await ScriptedServer.with([.status(200)]) { server in
                var configuration = try configuration("http://127.0.0.1:\(server.port)/")
                configuration.transport.credentials = .bearerFile(SecretFile(file.path))
                try await running(configuration) { push in
                    #expect(await eventually { server.received.count > 1 })
                    // As secrets are replaced in Kubernetes: another file in the old one's place.
                    try Data("second".utf8).write(to: file, options: .atomic)
                    #expect(await eventually { server.received.last?.headers["Authorization"] == ["Bearer second"] })
                    try FileManager.default.removeItem(at: file)
                    #expect(await eventually { push.statistics.failedRequests > 0 })
                    try Data("third".utf8).write(to: file)
                    #expect(await eventually { server.received.last?.headers["Authorization"] == ["Bearer third"] })
                    #expect(push.statistics.droppedSamples == 0)
                }
                #expect(server.received.first?.headers["Authorization"] == ["Bearer first"])
            }
        }
    }

    /// The token was renewed between its reading and the server's: no sample is lost by that.
    @Test func asksAgainWithAFreshToken() async throws {
        try await TemporaryFolder.with { folder in
            let file = folder.url.appendingPathComponent("token")
            try Data("old".utf8).write(to: file)
            let answers: [ScriptedServer.Answer] = [.later(0.3, 401), .status(200)]
            try await ScriptedServer.with(answers) { server in
                var configuration = try configuration("http://127.0.0.1:\(server.port)/")
                configuration.interval = .seconds(3600)
                configuration.transport.credentials = .bearerFile(SecretFile(file.path))
                try await running(configuration) { push in
                    #expect(await eventually { server.received.count == 1 })
                    try Data("newer".utf8).write(to: file, options: .atomic)
                    #expect(await eventually { push.statistics.sentRequests == 1 })
                    #expect(push.statistics.rejectedRequests == 0 && push.statistics.failedRequests == 0)
                }
                #expect(
                    server.received.prefix(2).map { $0.headers["Authorization"] } == [["Bearer old"], ["Bearer newer"]])
            }
        }
    }

    @Test func passwordsHeadersAndTheUserOfAURL() async throws {
        try await TemporaryFolder.with { folder in
            let file = folder.url.appendingPathComponent("password")
            try Data("secret\n".utf8).write(to: file)
            try await ScriptedServer.with([.status(200)]) { server in
                var configuration = try configuration("http://127.0.0.1:\(server.port)/a")
                configuration.endpoints.append(try Endpoint("http://user:secret@127.0.0.1:\(server.port)/b"))
                configuration.interval = .seconds(3600)
                configuration.transport.credentials = .basic(user: "other", SecretFile(file.path))
                configuration.transport.headers = [("X-Scope-OrgID", "tenant"), ("user-agent", "mine/1")]
                try await running(configuration) { push in
                    #expect(await eventually { push.statistics.sentRequests == 2 })
                }
                let requests = server.received.prefix(2).sorted { $0.uri < $1.uri }
                // other:secret and user:secret
                #expect(
                    requests.map { $0.headers["Authorization"] } == [
                        ["Basic b3RoZXI6c2VjcmV0"], ["Basic dXNlcjpzZWNyZXQ="],
                    ])
                #expect(requests.allSatisfy { $0.headers["X-Scope-OrgID"] == ["tenant"] })
                #expect(requests.allSatisfy { $0.headers["User-Agent"] == ["mine/1"] })
            }
        }
    }

    /// A server that wants to see a certificate gets it, and refuses whoever has none.
    @Test func showsItsCertificate() async throws {
        try await TemporaryFolder.with { folder in
            let authority = try await TestAuthority(in: folder)
            try await authority.issue("server", for: "IP:127.0.0.1")
            try await authority.issue("client", for: "DNS:client.example")
            let context = try authority.server("server", verifiesClients: true)
            for hasCertificate in [true, false] {
                try await ScriptedServer.with([.status(200)], tls: context) { server in
                    var configuration = try configuration("https://127.0.0.1:\(server.port)/")
                    configuration.transport.caFile = authority.file("ca.pem")
                    if hasCertificate {
                        configuration.transport.clientCertificate = authority.file("client.pem")
                        configuration.transport.clientKey = authority.file("client.key")
                    }
                    let log = LogCapture()
                    try await running(configuration, log: log) { push in
                        #expect(
                            await eventually { push.statistics.sentRequests + push.statistics.failedRequests > 1 })
                        #expect((push.statistics.sentRequests > 0) == hasCertificate, "\(log.lines)")
                    }
                }
            }
        }
    }

    @Test func aKeyOfAnotherCertificate() async throws {
        try await TemporaryFolder.with { folder in
            let authority = try await TestAuthority(in: folder)
            try await authority.issue("one", for: "DNS:one.example")
            try await authority.issue("two", for: "DNS:two.example")
            try TLSFiles.checkPair(certificate: authority.file("one.pem"), key: authority.file("one.key"))
            #expect(throws: TLSError.self) {
                try TLSFiles.checkPair(certificate: authority.file("one.pem"), key: authority.file("two.key"))
            }
            #expect(throws: TLSError.self) { try TLSFiles.checkKey(authority.file("one.pem")) }
            #expect(throws: TLSError.self) { try TLSFiles.checkCertificates(authority.file("one.key")) }
        }
    }
}
