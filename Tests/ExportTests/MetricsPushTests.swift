import CSnappy
import Foundation
import Logging
import Metrics
import Testing
import Wire

@testable import Export

/// Servers that behave well, badly and not at all.
@Suite(.serialized) struct MetricsPushTests {
    private func configuration(_ url: String) throws -> PushConfiguration {
        var configuration = PushConfiguration(
            endpoints: [try Endpoint(url)], extraLabels: LabelSet([("job", "test"), ("instance", "here")]),
            userAgent: "martlet-node/0.0.0")
        configuration.interval = .milliseconds(50)
        configuration.shortestPause = .milliseconds(20)
        configuration.longestPause = .milliseconds(100)
        return configuration
    }

    private func running<Result>(
        _ configuration: PushConfiguration, source: ClosureSource = .small, log: LogCapture = LogCapture(),
        _ body: (MetricsPush) async throws -> Result
    ) async throws -> Result {
        let sender = try MetricsPush(configuration, source: source, logger: log.logger)
        await sender.start()
        do {
            let result = try await body(sender)
            await sender.shutdown(timeout: .seconds(2))
            return result
        } catch {
            await sender.shutdown(timeout: .zero)
            throw error
        }
    }

    @Test func sendsAtOnceAndThenAtTheInterval() async throws {
        try await ScriptedServer.with([.status(200)]) { server in
            var configuration = try configuration("http://user:secret@127.0.0.1:\(server.port)/api/v1/write")
            configuration.transport.apiKey = "key"
            configuration.interval = .seconds(1)
            let start = ContinuousClock.now
            try await running(configuration) { sender in
                #expect(await eventually { server.received.count == 1 })
                #expect(ContinuousClock.now - start < .seconds(1))
                #expect(await eventually { server.received.count == 3 })
                #expect(ContinuousClock.now - start >= .seconds(2))
                #expect(await eventually { sender.statistics.sentRequests == 3 })
                #expect(sender.statistics.sentSamples == 9)
            }
            let request = try #require(server.received.first)
            #expect(request.method == .POST)
            #expect(request.uri == "/api/v1/write")
            #expect(request.headers["Content-Type"] == ["application/x-protobuf"])
            #expect(request.headers["Content-Encoding"] == ["snappy"])
            #expect(request.headers["X-Prometheus-Remote-Write-Version"] == ["0.1.0"])
            #expect(request.headers["User-Agent"] == ["martlet-node/0.0.0"])
            #expect(request.headers["X-Api-Key"] == ["key"])
            #expect(request.headers["Authorization"] == ["Basic dXNlcjpzZWNyZXQ="])
            #expect(request.headers["Host"] == ["127.0.0.1:\(server.port)"])
            #expect(request.headers["Content-Length"] == ["\(request.body.count)"])
            let body = request.body.map { CChar(bitPattern: $0) }
            #expect(snappy_validate_compressed_buffer(body, body.count) == SNAPPY_OK)
            // One connection served all.
            #expect(server.connections == 1)
        }
    }

    /// One more snapshot goes out when the agent stops.
    @Test func shutdownFlushes() async throws {
        try await ScriptedServer.with([.status(204)]) { server in
            var configuration = try configuration("http://127.0.0.1:\(server.port)")
            configuration.interval = .seconds(3600)
            let sender = try MetricsPush(configuration, source: ClosureSource.small, logger: LogCapture().logger)
            await sender.start()
            #expect(await eventually { sender.statistics.sentRequests == 1 })
            await sender.shutdown(timeout: .seconds(5))
            #expect(server.received.count == 2)
            #expect(sender.statistics.sentSamples == 6)
            #expect(sender.statistics.droppedRequests == 0)
        }
    }

    @Test(arguments: [
        ScriptedServer.Answer.status(500, body: "out of order\nmore"), .status(503, headers: [("Retry-After", "0")]),
        .status(429), .reset, .close, .last(502), .status(301, headers: [("Location", "https://elsewhere")]),
    ])
    func retries(answer: ScriptedServer.Answer) async throws {
        try await ScriptedServer.with([answer, answer, answer, .status(200)]) { server in
            var configuration = try configuration("http://127.0.0.1:\(server.port)")
            configuration.interval = .seconds(3600)
            try await running(configuration) { sender in
                #expect(await eventually { sender.statistics.sentRequests == 1 })
                #expect(sender.statistics.failedRequests == 3)
                #expect(sender.statistics.sentSamples == 3)
                #expect(sender.statistics.droppedSamples == 0)
            }
            // The very same request each time.
            #expect(Set(server.received.prefix(4).map(\.body)).count == 1)
        }
    }

    @Test func waitsAsLongAsTheServerWishes() async throws {
        try await ScriptedServer.with([.status(429, headers: [("Retry-After", "1")]), .status(200)]) {
            server in
            var configuration = try configuration("http://127.0.0.1:\(server.port)")
            configuration.interval = .seconds(3600)
            configuration.longestPause = .seconds(5)
            let start = ContinuousClock.now
            try await running(configuration) { sender in
                #expect(await eventually { sender.statistics.sentRequests == 1 })
                #expect(ContinuousClock.now - start >= .seconds(1))
            }
        }
    }

    /// What is still too large when it is alone; the rest of the request came before or comes after it.
    @Test func dropsOneByOneWhatIsTooLarge() async throws {
        let log = LogCapture()
        try await ScriptedServer.with([.status(413)]) { server in
            let configuration = try configuration("http://127.0.0.1:\(server.port)")
            try await running(configuration, log: log) { sender in
                #expect(await eventually { sender.statistics.droppedSamples >= 3 })
                #expect(sender.statistics.sentRequests == 0)
                #expect(sender.statistics.halvedRequests >= 2)
                #expect(sender.statistics.rejectedRequests >= sender.statistics.droppedSamples)
            }
            #expect(log.lines.count { $0.contains("refused") } == 1)
        }
    }

    @Test(arguments: [400, 401, 404])
    func dropsWhatTheServerRefuses(status: Int) async throws {
        let log = LogCapture()
        try await ScriptedServer.with([.status(status, body: "label \u{1B}[31mtoo long\nsecond line")]) {
            server in
            let configuration = try configuration("http://127.0.0.1:\(server.port)")
            try await running(configuration, log: log) { sender in
                #expect(await eventually { sender.statistics.rejectedRequests >= 4 })
                #expect(sender.statistics.sentRequests == 0)
                #expect(sender.statistics.failedRequests == 0)
                #expect(sender.statistics.droppedSamples == sender.statistics.rejectedRequests * 3)
            }
            // One line a minute, whatever comes.
            let lines = log.lines.filter { $0.contains("refused") }
            #expect(lines.count == 1)
            #expect(
                lines.first?.contains("dropped 3 samples: the server answered \(status): label [31mtoo long") == true)
            #expect(lines.first?.contains("second") == false)
        }
    }

    @Test func timesOutOnAServerThatHangs() async throws {
        try await ScriptedServer.with([.hang, .status(200)]) { server in
            var configuration = try configuration("http://127.0.0.1:\(server.port)")
            configuration.interval = .seconds(3600)
            configuration.transport.timeout = .milliseconds(300)
            let log = LogCapture()
            try await running(configuration, log: log) { sender in
                #expect(await eventually { sender.statistics.sentRequests == 1 })
                #expect(sender.statistics.failedRequests == 1)
            }
            #expect(log.lines.contains { $0.contains("failed, 1 requests wait: no answer within 0.3 seconds") })
            #expect(log.lines.contains { $0.contains("works again") })
        }
    }

    @Test func shutdownDoesNotWaitForAServerThatHangs() async throws {
        try await ScriptedServer.with([.hang]) { server in
            let sender = try MetricsPush(
                try configuration("http://127.0.0.1:\(server.port)"), source: ClosureSource.small,
                logger: LogCapture().logger)
            await sender.start()
            #expect(await eventually { server.received.count == 1 })
            let start = ContinuousClock.now
            await sender.shutdown(timeout: .milliseconds(300))
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(sender.statistics.queuedRequests == 0)
            #expect(sender.statistics.droppedRequests >= 2)
        }
    }

    @Test func boundsTheQueueAndDropsTheOldest() async throws {
        let counter = Counter()
        let source = ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now)
            snapshot.add(.up, .empty, Double(counter.next()))
            return snapshot
        }
        // Nobody listens on the port of a server that is gone.
        let port = try await ScriptedServer.with([.hang]) { $0.port }
        var configuration = try configuration("http://127.0.0.1:\(port)")
        configuration.interval = .milliseconds(10)
        configuration.queueLimit = 4
        let log = LogCapture()
        try await running(configuration, source: source, log: log) { sender in
            #expect(await eventually { sender.statistics.droppedRequests >= 10 })
            #expect(sender.statistics.queuedRequests <= 4)
            #expect(sender.statistics.failedRequests >= 1)
            #expect(sender.statistics.droppedSamples == sender.statistics.droppedRequests)
        }
        #expect(log.lines.filter { $0.contains("is behind: dropped the oldest of") }.count == 1)
        #expect(log.lines.contains { $0.contains("requests wait: Connection refused") })
    }

    @Test func opensANewConnectionWhenTheServerClosedTheOldOne() async throws {
        try await ScriptedServer.with([.last(200)]) { server in
            let log = LogCapture()
            try await running(try configuration("http://127.0.0.1:\(server.port)"), log: log) { sender in
                #expect(await eventually { sender.statistics.sentRequests >= 3 })
                #expect(sender.statistics.failedRequests == 0, "\(log.lines)")
            }
            #expect(server.connections >= 3)
        }
    }

    @Test func splitsLargeSnapshots() async throws {
        let source = ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now)
            for index in 0..<25 { snapshot.add(.containerInfo, LabelSet([("container_id", "\(index)")]), 1) }
            return snapshot
        }
        try await ScriptedServer.with([.status(200)]) { server in
            var configuration = try configuration("http://127.0.0.1:\(server.port)")
            configuration.interval = .seconds(3600)
            configuration.limits = RequestLimits(samples: 10)
            configuration.maximumShards = 1
            try await running(configuration, source: source) { sender in
                #expect(await eventually { sender.statistics.sentRequests == 3 })
                #expect(sender.statistics.sentSamples == 25)
            }
        }
    }

    @Test func resolvesNames() async throws {
        try await ScriptedServer.with([.status(200)]) { server in
            try await running(try configuration("http://localhost:\(server.port)")) { sender in
                #expect(await eventually { sender.statistics.sentRequests >= 1 })
            }
        }
        let log = LogCapture()
        try await running(try configuration("http://no-such-host.invalid"), log: log) { sender in
            #expect(await eventually(.seconds(30)) { sender.statistics.failedRequests >= 1 })
        }
        #expect(log.lines.contains { $0.contains("cannot resolve no-such-host.invalid") }, "\(log.lines)")
    }

    @Test(arguments: ["line\nbreak", " blank", "nul\0"])
    func refusesAPIKeysThatNoHeaderCarries(key: String) throws {
        var configuration = try configuration("http://127.0.0.1:1")
        configuration.transport.apiKey = key
        #expect(throws: PushError.malformedAPIKey) {
            try MetricsPush(configuration, source: ClosureSource.small, logger: LogCapture().logger)
        }
    }
}
