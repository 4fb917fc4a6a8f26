import Foundation
import Logging
import Metrics
import Testing
import Wire

@testable import Export

/// A real Prometheus that receives by remote write and scrapes the page, and must know the same values by both ways.
@Suite(
    .enabled(if: Tool.prometheus.isInstalled, "prometheus is not installed (apt-get install prometheus)"),
    .enabled(if: Tool.curl.isInstalled, "curl is not installed"))
struct PrometheusTests {
    private struct Answer: Decodable {
        struct Payload: Decodable {
            let result: [Series]
        }
        struct Series: Decodable {
            let metric: [String: String]
            /// Time and value, which is a string.
            let value: [Value]
        }
        enum Value: Decodable {
            case time(Double)
            case text(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .time(try container.decode(Double.self))
                }
            }
        }
        let data: Payload
    }

    private func query(_ port: Int, _ expression: String) async throws -> [(labels: [String: String], value: Double)] {
        let output = try await Tool.curl.run([
            "-sS", "-m", "10", "-G", "--data-urlencode", "query=\(expression)", "http://127.0.0.1:\(port)/api/v1/query",
        ])
        let answer = try JSONDecoder().decode(Answer.self, from: output.stdout)
        return answer.data.result.map { series in
            guard case .text(let text)? = series.value.last else { return (series.metric, .nan) }
            return (series.metric, text == "+Inf" ? .infinity : Double(text) ?? .nan)
        }
    }

    /// A port that was free a moment ago.
    private func freePort() async throws -> Int {
        try await ScriptedServer.with([.hang]) { $0.port }
    }

    private func withPrometheus<Result>(
        scraping target: Int, _ body: (Int) async throws -> Result
    ) async throws -> Result {
        try await TemporaryFolder.with { folder in
            let port = try await freePort()
            let configuration = """
                global: {scrape_interval: 1s}
                scrape_configs:
                - job_name: page
                  static_configs: [{targets: ["127.0.0.1:\(target)"]}]

                """
            try Data(configuration.utf8).write(to: folder.url.appendingPathComponent("prometheus.yml"))
            let process = try Tool.prometheus.start([
                "--config.file=\(folder.path("prometheus.yml"))", "--storage.tsdb.path=\(folder.path("data"))",
                "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver", "--log.level=error",
            ])
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            let isReady = try await eventually(.seconds(60)) {
                try await Tool.curl.run(["-sf", "-m", "2", "http://127.0.0.1:\(port)/-/ready"]).status == 0
            }
            try #require(isReady, "prometheus did not become ready")
            return try await body(port)
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func knowsTheSameValuesByRemoteWriteAndFromThePage() async throws {
        // One snapshot for both ways, so that values can be compared exactly.
        let fixed = await ClosureSource.hard.snapshot()
        let source = ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now)
            snapshot.append(fixed)
            return snapshot
        }
        let server = MetricsServer(listen: ListenAddress(host: "127.0.0.1", port: 0), source: source)
        try await server.start()
        let page = try #require(server.boundAddress).port
        try await withPrometheus(scraping: page) { port in
            var configuration = PushConfiguration(
                endpoints: [try Endpoint("http://127.0.0.1:\(port)/api/v1/write")],
                extraLabels: LabelSet([("job", "coroot-node-agent"), ("instance", "0123456789abcdef")]),
                userAgent: "martlet-node/0.0.0")
            configuration.interval = .seconds(1)
            configuration.limits = RequestLimits(samples: 100)
            let log = LogCapture()
            let sender = try MetricsPush(configuration, source: source, logger: log.logger)
            await sender.start()
            let count = UInt64(fixed.count)
            #expect(await eventually(.seconds(30)) { sender.statistics.sentSamples >= count * 2 }, "\(log.lines)")
            #expect(sender.statistics.droppedSamples == 0)
            let scraped = try await eventually(.seconds(30)) {
                try await query(port, "up{job=\"page\",sort=\"\"}").map(\.value) == [1]
            }
            #expect(scraped, "prometheus could not scrape the page")

            for family in MetricFamily.allCases {
                let pushed = try await query(port, "\(family.name){job=\"coroot-node-agent\"}")
                let pulled = try await query(port, "\(family.name){job=\"page\"}").filter { $0.labels["sort"] != nil }
                let expected = fixed[family]
                try #require(pushed.count == expected.count && pulled.count == expected.count, "\(family)")
                for sample in expected {
                    for (found, job, instance) in [
                        (pushed, "coroot-node-agent", "0123456789abcdef"), (pulled, "page", "127.0.0.1:\(page)"),
                    ] {
                        let sort = sample.labels["sort"]
                        let series = try #require(found.first { $0.labels["sort"] == sort })
                        #expect(series.value == sample.value)
                        var labels = ["__name__": family.name, "job": job, "instance": instance]
                        for pair in sample.labels.pairs where !pair.value.isEmpty { labels[pair.name] = pair.value }
                        #expect(series.labels == labels)
                    }
                }
            }
            await sender.shutdown(timeout: .seconds(5))
        }
        await server.shutdown()
    }

    /// Prometheus refuses samples that are too old; the sender goes on with the next ones.
    @Test(.timeLimit(.minutes(3)))
    func goesOnAfterSamplesThatPrometheusRefuses() async throws {
        let counter = Counter()
        let source = ClosureSource {
            // Every other snapshot goes back in time, which Prometheus answers with 400.
            let number = counter.next()
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now - (number % 2 == 1 ? 7_200_000 : 0))
            snapshot.add(.up, .empty, Double(number))
            return snapshot
        }
        try await withPrometheus(scraping: 1) { port in
            var configuration = PushConfiguration(
                endpoints: [try Endpoint("http://127.0.0.1:\(port)/api/v1/write")],
                extraLabels: LabelSet([("job", "order")]), userAgent: "martlet-node/0.0.0")
            configuration.interval = .milliseconds(200)
            let log = LogCapture()
            let sender = try MetricsPush(configuration, source: source, logger: log.logger)
            await sender.start()
            #expect(
                await eventually(.seconds(20)) {
                    sender.statistics.sentRequests >= 3 && sender.statistics.rejectedRequests >= 2
                }, "\(sender.statistics)")
            #expect(log.lines.contains { $0.contains("the server answered 400: out of") }, "\(log.lines)")
            let value = try #require(try await query(port, "up{job=\"order\"}").first?.value)
            #expect(value.truncatingRemainder(dividingBy: 2) == 0)
            await sender.shutdown(timeout: .seconds(5))
        }
    }
}
