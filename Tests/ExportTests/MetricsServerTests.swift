import Foundation
import Metrics
import Testing
import Wire

@testable import Export

@Suite(.serialized) struct MetricsServerTests {
    /// A server on a port of its own, stopped after `body`.
    private func serving<Result>(
        _ source: any SnapshotSource = ClosureSource.small, limits: MetricsServer.Limits = .init(),
        isReady: Bool = true,
        _ body: (MetricsServer, Int) async throws -> Result
    ) async throws -> Result {
        let server = MetricsServer(
            listen: ListenAddress(host: "127.0.0.1", port: 0), source: source, limits: limits, isReady: { isReady })
        try await server.start()
        do {
            let result = try await body(server, try #require(server.boundAddress).port)
            await server.shutdown()
            return result
        } catch {
            await server.shutdown()
            throw error
        }
    }

    private func page(_ source: ClosureSource, _ format: TextFormat = .prometheus004) async -> Data {
        var buffer = WireBuffer()
        TextExposition.encode(await source.snapshot(), format: format, into: &buffer)
        return buffer.bytes.withUnsafeBytes { Data($0) }
    }

    private func get(_ port: Int, _ path: String = "/metrics", _ arguments: String...) async throws -> Tool.Output {
        try await Tool.curl.run(["-sS", "-m", "20", "http://127.0.0.1:\(port)\(path)"] + arguments)
    }

    @Test(.enabled(if: Tool.curl.isInstalled, "curl is not installed"))
    func servesThePage() async throws {
        try await serving { server, port in
            let plain = try await get(port, "/metrics?x=y", "-i")
            let parts = plain.text.components(separatedBy: "\r\n\r\n")
            #expect(parts[0].hasPrefix("HTTP/1.1 200 OK"))
            #expect(parts[0].contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
            #expect(parts[0].contains("Vary: Accept, Accept-Encoding"))
            let expected = await page(.small)
            #expect(parts[1] == String(decoding: expected, as: UTF8.self))

            let openMetrics = try await get(port, "/metrics", "-i", "-H", "Accept: application/openmetrics-text")
            #expect(
                openMetrics.text.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"))
            #expect(openMetrics.text.hasSuffix("\n# EOF\n"))

            let head = try await get(port, "/metrics", "-I")
            #expect(head.text.contains("Content-Length: \(expected.count)"))
            #expect(head.text.hasSuffix("\r\n\r\n"))
            #expect(await eventually { server.statistics.pages == 3 })
        }
    }

    @Test(
        .enabled(if: Tool.curl.isInstalled, "curl is not installed"),
        .enabled(if: Tool.gzip.isInstalled && Tool.zstd.isInstalled, "gzip or zstd is not installed"),
        arguments: ["gzip", "zstd"])
    func compressesThePage(coding: String) async throws {
        let unpacker = Tool(coding)
        try await serving(ClosureSource.hard) { server, port in
            let packed = try await get(port, "/metrics", "-H", "Accept-Encoding: br, \(coding);q=0.4")
            let unpacked = try await unpacker.run(["-dc"], input: packed.stdout)
            #expect(unpacked.status == 0)
            let expected = await page(.hard)
            #expect(unpacked.stdout == expected)
            #expect(packed.stdout.count < expected.count / 5)
            // curl's own decoder, with the header it makes itself.
            let whole = try await get(port, "/metrics", "--compressed")
            #expect(whole.stdout == expected)
        }
    }

    @Test(
        .enabled(if: Tool.curl.isInstalled, "curl is not installed"),
        .enabled(if: Tool.promtool.isInstalled, "promtool is not installed (apt-get install prometheus)"))
    func promtoolAcceptsThePage() async throws {
        try await serving(ClosureSource.hard) { server, port in
            let checked = try await Tool.promtool.run(["check", "metrics"], input: try await get(port).stdout)
            // Latencies are called `…_duration_seconds_total`, as they have been by coroot-node-agent: promtool advises against
            // that (status 3), and reads them.
            let remarks = (checked.text + checked.stderr).split(separator: "\n").filter {
                !$0.hasSuffix("_duration_seconds_total non-counter metrics should not have \"_total\" suffix")
            }
            #expect(checked.status == 0 || checked.status == 3)
            #expect(remarks.isEmpty)
        }
    }

    @Test(
        .enabled(if: Tool.curl.isInstalled, "curl is not installed"),
        arguments: [
            (["/healthz"], "200"), (["/readyz"], "200"), (["/"], "404"), (["/metrics/"], "404"),
            (["/metrics", "-XPOST"], "405"),
            (["/metrics", "-d", "body"], "405"), (["/nothing", "-XDELETE"], "404"),
            (["/metrics", "-XGET", "-d", "body"], "413"),
            (["/metrics", "-XGET", "-d", "body", "-H", "Transfer-Encoding: chunked"], "413"),
            (["/metrics", "-H", "Accept-Encoding: identity;q=0"], "406"), (["/healthz", "-I"], "200"),
            (["/metrics", "--http1.0"], "200"),
        ])
    func statusCodes(arguments: [String], expected: String) async throws {
        try await serving { server, port in
            let output = try await Tool.curl.run(
                ["-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)\(arguments[0])"]
                    + arguments.dropFirst())
            #expect(output.text == expected, "\(output.stderr)")
        }
    }

    @Test func unreadyIs503() async throws {
        try await serving(isReady: false) { server, port in
            let client = try RawClient(port: port)
            client.send("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(await client.readToEnd().text.hasPrefix("HTTP/1.1 503 "))
        }
    }

    @Test func addressInUse() async throws {
        try await serving { server, port in
            let address = ListenAddress(host: "127.0.0.1", port: port)
            let second = MetricsServer(listen: address, source: ClosureSource.small)
            await #expect(throws: MetricsServerError.addressInUse(address)) { try await second.start() }
            #expect("\(MetricsServerError.addressInUse(address))".contains("127.0.0.1:\(port): the address is in use"))
        }
    }

    @Test(arguments: ["192.0.2.1", "no-such-host.invalid"])
    func otherAddressesThatDoNotWork(host: String) async throws {
        let server = MetricsServer(listen: ListenAddress(host: host, port: 0), source: ClosureSource.small)
        let error = await #expect(throws: MetricsServerError.self) { try await server.start() }
        #expect("\(try #require(error))".hasPrefix("cannot listen on \(host):0: "))
    }

    @Test func allAddresses() async throws {
        let server = MetricsServer(listen: try ListenAddress(":0"), source: ClosureSource.small)
        try await server.start()
        let client = try RawClient(port: try #require(server.boundAddress).port)
        client.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(await client.readToEnd().text.hasSuffix("OK\n"))
        await server.shutdown()
        #expect(server.boundAddress == nil)
    }

    @Test func keepsAndPipelinesRequests() async throws {
        try await serving { server, port in
            let client = try RawClient(port: port)
            client.send(
                "GET /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\nGET /no HTTP/1.1\r\nConnection: close\r\n\r\n"
            )
            let (text, isClosed) = await client.readToEnd()
            #expect(isClosed)
            let statuses = text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
            #expect(statuses == ["200", "200", "404"])
        }
    }

    @Test func closesAndCountsExcessConnections() async throws {
        var limits = MetricsServer.Limits()
        limits.connections = 3
        try await serving(limits: limits) { server, port in
            var held = try (0..<3).map { _ in try RawClient(port: port) }
            #expect(await eventually { server.statistics.connections == 3 })
            let excess = try RawClient(port: port)
            #expect(await excess.readToEnd().isClosed)
            #expect(server.statistics.refusedConnections == 1)
            held.removeLast()
            #expect(await eventually { server.statistics.connections == 2 })
            let next = try RawClient(port: port)
            next.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
            #expect(await next.readToEnd().text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func closesIdleAndDrippingConnections() async throws {
        var limits = MetricsServer.Limits()
        limits.idle = .milliseconds(300)
        try await serving(limits: limits) { server, port in
            let idle = try RawClient(port: port)
            let dripping = try RawClient(port: port)
            let start = ContinuousClock.now
            dripping.send("GET /metrics HTTP/1.1\r\nX: ")
            #expect(await eventually { server.statistics.connections == 2 })
            while ContinuousClock.now - start < .seconds(5), server.statistics.connections > 0 {
                dripping.send("x")
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(await idle.readToEnd().isClosed)
            #expect(server.statistics.timeouts == 2)
        }
    }

    @Test func refusesLargeRequests() async throws {
        try await serving { server, port in
            let client = try RawClient(port: port)
            client.send("GET /metrics HTTP/1.1\r\n")
            for index in 0..<200 { client.send("X-\(index): \(String(repeating: "a", count: 200))\r\n") }
            #expect(await client.readToEnd().isClosed)
            #expect(server.statistics.refusedRequests == 1)

            let line = try RawClient(port: port)
            line.send("GET /" + String(repeating: "a", count: 16 * 1024))
            #expect(await line.readToEnd().text.hasPrefix("HTTP/1.1 431 "))
            #expect(server.statistics.refusedRequests == 2)
        }
    }

    @Test(arguments: ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"])
    func refusesGarbage(garbage: String) async throws {
        try await serving { server, port in
            let client = try RawClient(port: port)
            client.send(garbage)
            let (text, isClosed) = await client.readToEnd()
            #expect(text.hasPrefix("HTTP/1.1 400 ") && isClosed, "\(text)")
            let next = try RawClient(port: port)
            next.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
            #expect(await next.readToEnd().text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func slowReadersLoseTheirPlace() async throws {
        var limits = MetricsServer.Limits()
        limits.response = .milliseconds(500)
        limits.pages = 2
        try await serving(ClosureSource.large(megabytes: 16), limits: limits) { server, port in
            let request = "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
            let slow = try (0..<2).map { _ in try RawClient(port: port, receiveBuffer: 4096) }
            for client in slow { client.send(request) }
            // While both hold a page, a third is refused.
            #expect(
                try await eventually {
                    let third = try RawClient(port: port)
                    third.send(request.replacingOccurrences(of: "GET", with: "HEAD"))
                    return await third.readToEnd().text.contains("503 Service Unavailable")
                })
            #expect(server.statistics.refusedPages >= 1)
            #expect(await eventually { server.statistics.timeouts == 2 })
            // Their places are free again.
            #expect(
                try await eventually {
                    let next = try RawClient(port: port)
                    next.send(request.replacingOccurrences(of: "GET", with: "HEAD"))
                    return await next.readToEnd().text.hasPrefix("HTTP/1.1 200 ")
                })
        }
    }

    @Test func shutdownEndsWhatIsOnItsWay() async throws {
        let slow = ClosureSource {
            try? await Task.sleep(for: .milliseconds(300))
            return await ClosureSource.small.snapshot()
        }
        try await serving(slow) { server, port in
            let idle = try RawClient(port: port)
            let busy = try RawClient(port: port)
            busy.send("GET /metrics HTTP/1.1\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            await server.shutdown()
            #expect(ContinuousClock.now - start < .milliseconds(900))
            #expect(await idle.readToEnd() == ("", true))
            let (text, isClosed) = await busy.readToEnd()
            #expect(text.hasPrefix("HTTP/1.1 200 OK") && text.hasSuffix("} 3\n") && isClosed)
            #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
        }
    }

    @Test func shutdownDoesNotWaitForEver() async throws {
        var limits = MetricsServer.Limits()
        limits.shutdown = .milliseconds(200)
        let stuck = ClosureSource {
            try? await Task.sleep(for: .seconds(3))
            return MetricsSnapshot(timestamp: 0)
        }
        try await serving(stuck, limits: limits) { server, port in
            let client = try RawClient(port: port)
            client.send("GET /metrics HTTP/1.1\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            await server.shutdown()
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(await client.readToEnd().isClosed)
        }
    }
}
