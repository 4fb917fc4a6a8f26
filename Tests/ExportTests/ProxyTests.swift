import Foundation
import Logging
import Metrics
import Testing

@testable import Export

/// A real proxy between the agent and its receiver.
@Suite(
    .serialized, .enabled(if: Tool.tinyproxy.isInstalled, "tinyproxy is not installed"),
    .enabled(if: Tool.openssl.isInstalled, "openssl is not installed"))
struct ProxyTests {
    /// Runs tinyproxy, which asks for the user `agent` with the password `secret`.
    private func withProxy(
        in folder: TemporaryFolder, _ body: (Int, () -> String) async throws -> Void
    ) async throws {
        let port = try await ScriptedServer.with([.hang]) { $0.port }
        let (file, log) = (folder.path("tinyproxy.conf"), folder.path("tinyproxy.log"))
        try """
        Port \(port)
        Listen 127.0.0.1
        Timeout 60
        MaxClients 20
        LogFile "\(log)"
        LogLevel Connect
        BasicAuth agent secret
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let process = try Tool.tinyproxy.start(["-d", "-c", file])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer {
            // It ends on SIGTERM only with the next connection.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let isUp = await eventually { (try? RawClient(port: port)) != nil }
        try #require(isUp, "tinyproxy does not listen")
        try await body(port) { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    }

    private func push(
        to url: String, through proxy: String, _ change: (inout PushConfiguration) -> Void = { _ in },
        until done: (PushStatistics) -> Bool
    ) async throws -> [String] {
        var configuration = PushConfiguration(
            endpoints: [try Endpoint(url)], extraLabels: .empty, userAgent: "martlet-node/0.0.0")
        configuration.interval = .milliseconds(100)
        configuration.shortestPause = .milliseconds(50)
        var proxies = ProxySettings()
        (proxies.http, proxies.https) = (try Endpoint(proxy), try Endpoint(proxy))
        proxies.reachesLoopbackDirectly = false
        configuration.transport.proxies = proxies
        change(&configuration)
        let log = LogCapture()
        let push = try MetricsPush(configuration, source: ClosureSource.small, logger: log.logger)
        await push.start()
        #expect(await eventually { done(push.statistics) }, "\(push.statistics) \(log.lines)")
        await push.shutdown(timeout: .seconds(1))
        return log.lines
    }

    @Test func plainRequestsHaveTheAbsoluteForm() async throws {
        try await TemporaryFolder.with { folder in
            try await withProxy(in: folder) { proxy, words in
                try await ScriptedServer.with([.status(204)]) { server in
                    _ = try await push(
                        to: "http://127.0.0.1:\(server.port)/api/v1/write?a=b",
                        through: "http://agent:secret@127.0.0.1:\(proxy)"
                    ) { $0.sentRequests >= 2 }
                    let request = try #require(server.received.first)
                    #expect(request.uri == "/api/v1/write?a=b")
                    #expect(request.headers.contains(name: "Via"))
                    #expect(!request.headers.contains(name: "Proxy-Authorization"))
                    #expect(words().contains("POST http://127.0.0.1:\(server.port)/api/v1/write?a=b"))
                }
            }
        }
    }

    @Test func tlsGoesThroughATunnel() async throws {
        try await TemporaryFolder.with { folder in
            let authority = try await TestAuthority(in: folder)
            try await authority.issue("server", for: "IP:127.0.0.1")
            try await withProxy(in: folder) { proxy, words in
                try await ScriptedServer.with([.status(204)], tls: try authority.server("server")) { server in
                    let url = "https://127.0.0.1:\(server.port)/write"
                    _ = try await push(to: url, through: "http://agent:secret@127.0.0.1:\(proxy)") {
                        $0.transport.caFile = authority.file("ca.pem")
                    } until: {
                        $0.sentRequests >= 3
                    }
                    // One tunnel serves all requests, and nobody on the way could read them.
                    #expect(server.connections == 1)
                    #expect(server.received.first?.headers.contains(name: "Via") == false)
                    #expect(words().contains("CONNECT 127.0.0.1:\(server.port)"))
                    let before = server.received.count
                    let lines = try await push(to: url, through: "http://agent:wrong@127.0.0.1:\(proxy)") {
                        $0.transport.caFile = authority.file("ca.pem")
                    } until: {
                        $0.failedRequests >= 1
                    }
                    #expect(server.received.count == before)
                    #expect(lines.contains { $0.contains("the proxy refused the tunnel: 40") }, "\(lines)")
                    #expect(!lines.contains { $0.contains("wrong") })
                }
            }
        }
    }

    /// A proxy that is down, says nothing, or something that is no HTTP: the requests wait.
    @Test func badProxies() async throws {
        for answer in [ScriptedServer.Answer.close, .reset, .status(503)] {
            try await ScriptedServer.with([answer]) { proxy in
                let lines = try await push(to: "https://192.0.2.1/write", through: "http://127.0.0.1:\(proxy.port)") {
                    $0.transport.skipsVerification = true
                } until: {
                    $0.failedRequests >= 2
                }
                #expect(lines.contains { $0.contains("failed") }, "\(lines)")
            }
        }
        let down = try await ScriptedServer.with([.hang]) { $0.port }
        let lines = try await push(to: "http://192.0.2.1/write", through: "http://127.0.0.1:\(down)") {
            $0.failedRequests >= 1
        }
        #expect(lines.contains { $0.contains("Connection refused") }, "\(lines)")
    }
}
