import Foundation
import Logging
import Metrics
import Ring
import Spool
import Synchronization
import Testing
import Wire

@testable import Export

/// Receivers that take only some forms of a request, several receivers, and requests side by side.
@Suite(.serialized) struct PushFormTests {
    private let written = "X-Prometheus-Remote-Write-Samples-Written"

    private func configuration(_ ports: Int...) throws -> PushConfiguration {
        var configuration = PushConfiguration(
            endpoints: try ports.map { try Endpoint("http://127.0.0.1:\($0)/w") }, extraLabels: .empty,
            userAgent: "martlet-node/0.0.0")
        configuration.interval = .milliseconds(50)
        configuration.shortestPause = .milliseconds(20)
        configuration.longestPause = .milliseconds(100)
        return configuration
    }

    /// The bytes of a request before compression.
    private func plain(_ request: ScriptedServer.Received) throws -> [UInt8] {
        var buffer = WireBuffer()
        try request.body.withUnsafeBytes { bytes in
            let span = RawSpan(_unsafeBytes: bytes)
            switch request.headers["Content-Encoding"].first {
            case "snappy": try Snappy.decompress(span, limit: 1 << 24, into: &buffer)
            case "zstd": try Zstd.decompress(span, limit: 1 << 24, into: &buffer)
            case "gzip": try Gzip.decompress(span, limit: 1 << 24, into: &buffer)
            default: buffer.append(bytes)
            }
        }
        let span = buffer.bytes
        return span.withUnsafeBytes { Array($0) }
    }

    private func running(
        _ configuration: PushConfiguration, source: ClosureSource = .small, log: LogCapture = LogCapture(),
        _ body: (MetricsPush) async throws -> Void
    ) async throws {
        let push = try MetricsPush(configuration, source: source, logger: log.logger)
        await push.start()
        try await body(push)
        await push.shutdown(timeout: .seconds(2))
    }

    /// The first request that is refused comes again with the same samples, and so does none of the later ones.
    @Test(arguments: [400, 415])
    func goesBackToSnappy(status: Int) async throws {
        try await ScriptedServer.with([.status(status), .status(204)]) { server in
            var configuration = try configuration(server.port)
            configuration.compression = .zstd
            let log = LogCapture()
            try await running(configuration, log: log) { push in
                #expect(await eventually { push.statistics.sentRequests >= 3 })
                #expect(push.statistics.repackedRequests == 1 && push.statistics.droppedSamples == 0)
                #expect(push.statistics.failedRequests == 0 && push.statistics.rejectedRequests == 0)
            }
            let received = server.received
            #expect(received[0].headers["Content-Encoding"] == ["zstd"])
            #expect(received.dropFirst().allSatisfy { $0.headers["Content-Encoding"] == ["snappy"] })
            #expect(try plain(received[0]) == plain(received[1]))
            #expect(
                log.lines.filter {
                    $0.contains("does not take remote-write with zstd, it gets remote-write with snappy")
                }
                .count == 1, "\(log.lines)")
        }
    }

    @Test func takesZstdWhereVictoriaMetricsAnswers() async throws {
        try await ScriptedServer.with([.status(204, headers: [("X-Server-Hostname", "vm")])]) { server in
            try await running(try configuration(server.port)) { push in
                #expect(await eventually { push.statistics.sentRequests >= 3 })
            }
            #expect(server.received[0].headers["Content-Encoding"] == ["snappy"])
            #expect(server.received[2].headers["Content-Encoding"] == ["zstd"])
        }
    }

    /// One that knows only 1.0, and says so or reads nothing from a 2.0 request: it gets the very same samples as 1.0.
    @Test(arguments: [ScriptedServer.Answer.status(415), .status(204)])
    func goesBackToRemoteWrite1(answer: ScriptedServer.Answer) async throws {
        let counter = Counter()
        let source = ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now)
            snapshot.add(.up, LabelSet([("number", "#\(counter.next())#")]), 1)
            return snapshot
        }
        try await ScriptedServer.with([answer, .status(204)]) { server in
            var configuration = try configuration(server.port)
            configuration.metricsProtocol = .remoteWrite2
            try await running(configuration, source: source) { push in
                #expect(await eventually { push.statistics.sentRequests >= 3 })
                #expect(push.statistics.repackedRequests == 1 && push.statistics.droppedSamples == 0)
            }
            let received = server.received
            #expect(
                received[0].headers["Content-Type"] == ["application/x-protobuf;proto=io.prometheus.write.v2.Request"])
            #expect(received[0].headers["X-Prometheus-Remote-Write-Version"] == ["2.0.0"])
            for (number, request) in received.dropFirst().enumerated() {
                #expect(request.headers["X-Prometheus-Remote-Write-Version"] == ["0.1.0"])
                let text = String(decoding: try plain(request), as: UTF8.self)
                #expect(text.contains("#\(number)#") && text.contains("__name__"))
            }
        }
    }

    @Test func countsWhatWasNotStored() async throws {
        try await ScriptedServer.with([.status(204, headers: [(written, "1")])]) { server in
            var configuration = try configuration(server.port)
            configuration.metricsProtocol = .remoteWrite2
            let log = LogCapture()
            try await running(configuration, log: log) { push in
                #expect(await eventually { push.statistics.sentRequests >= 3 })
                let statistics = push.statistics
                #expect(statistics.sentSamples == statistics.sentRequests)
                #expect(statistics.losses.notStored == 2 * statistics.sentRequests)
                #expect(statistics.repackedRequests == 0)
            }
            #expect(log.lines.filter { $0.contains("did not store 2 of 3 samples") }.count == 1, "\(log.lines)")
        }
    }

    /// Snapshots of many series, each with the number of its snapshot as value and name.
    private static func numbered(_ counter: Counter, series: Int) -> ClosureSource {
        ClosureSource {
            let number = counter.next()
            var snapshot = MetricsSnapshot(timestamp: Int64(number) + 1_000_000)
            for index in 0..<series {
                snapshot.add(.containerInfo, LabelSet([("container_id", "c\(index)")]), Double(number))
            }
            return snapshot
        }
    }

    /// Many requests at once, some refused for a while, others slow, spooled and read again by an agent with other options:
    /// every sample arrives, those of a series in order.
    @Test func shardsKeepTheOrderOfEverySeries() async throws {
        try await TemporaryFolder.with { folder in
            let counter = Counter()
            let down = try await ScriptedServer.with([.hang]) { $0.port }
            let log = LogCapture()
            func life(_ port: Int, shards: Int, _ until: (MetricsPush, Spool) async -> Bool) async throws
                -> PushStatistics
            {
                let lane = try Lane(name: "spool", backend: .epoll)
                try lane.start()
                defer { lane.stop() }
                let spool = try Spool(directory: folder.path("spool"), SpoolConfiguration(), executor: lane)
                var configuration = try configuration(port)
                configuration.limits = RequestLimits(samples: 10)
                configuration.maximumShards = shards
                let push = try MetricsPush(
                    configuration, source: Self.numbered(counter, series: 60), spools: [spool], logger: log.logger)
                await push.start()
                #expect(await until(push, spool), "\(push.statistics) \(spool.statistics)")
                await push.shutdown(timeout: .seconds(5))
                return push.statistics
            }
            for shards in [4, 3] {
                let statistics = try await life(down, shards: shards) { _, spool in
                    await eventually { spool.statistics.appendedRecords >= 40 }
                }
                #expect(statistics.droppedSamples == 0)
            }
            let answers: [ScriptedServer.Answer] = [
                .status(204), .status(204), .status(503), .later(0.05, 204), .status(500), .status(204),
                .later(0.1, 503),
                .later(0.02, 204), .status(204),
            ]
            try await ScriptedServer.with(answers) { server in
                let statistics = try await life(server.port, shards: 4) { push, spool in
                    await eventually(.seconds(20)) { spool.statistics.bytes == 0 && push.statistics.sentRequests > 100 }
                }
                #expect(statistics.droppedSamples == 0 && statistics.rejectedRequests == 0)
                #expect(server.connections > 1)
                // The time stamps of each series, as they were taken.
                var series: [String: [Int]] = [:]
                for (number, request) in server.received.enumerated() where answers[min(number, 8)].isGood {
                    for (name, time) in try Self.samples(plain(request)) { series[name, default: []].append(time) }
                }
                #expect(series.count == 60)
                for (name, times) in series {
                    #expect(times == Array(0..<counter.count).map { $0 + 1_000_000 }, "\(name)")
                }
            }
        }
    }

    /// Container and time of each sample of a remote write 1.0 request.
    private static func samples(_ bytes: [UInt8]) throws -> [(String, Int)] {
        var found: [(String, Int)] = []
        bytes.withUnsafeBytes { bytes in
            var request = ProtobufReader(bytes)
            while let field = request.next() {
                guard field.number == 1, let content = field.content else { continue }
                var (name, time) = ("", 0)
                var series = ProtobufReader(bytes, content)
                while let part = series.next() {
                    guard let inner = part.content else { continue }
                    var reader = ProtobufReader(bytes, inner)
                    while let leaf = reader.next() {
                        if part.number == 1, leaf.number == 2, let text = leaf.content {
                            let value = String(decoding: bytes[text], as: UTF8.self)
                            if value.hasPrefix("c"), Int(value.dropFirst()) != nil { name = value }
                        }
                        if part.number == 2, leaf.number == 2 { time = Int(leaf.number64) }
                    }
                }
                found.append((name, time))
            }
        }
        return found
    }

    /// One receiver hangs, one refuses, one is fine, and one snapshot serves all.
    @Test func receiversDoNotWaitForEachOther() async throws {
        try await ScriptedServer.with([.hang]) { slow in
            try await ScriptedServer.with([.status(404)]) { bad in
                try await ScriptedServer.with([.status(204)]) { good in
                    let counter = Counter()
                    var configuration = try configuration(slow.port, bad.port, good.port)
                    configuration.queueLimit = 4
                    let push = try MetricsPush(
                        configuration, source: Self.numbered(counter, series: 3), logger: LogCapture().logger)
                    await push.start()
                    #expect(await eventually { good.received.count >= 20 })
                    let taken = counter.count
                    let names = push.destinations.map(\.name)
                    #expect(names == [slow, bad, good].map { "127.0.0.1:\($0.port)" })
                    let statistics = push.destinations.map(\.statistics)
                    #expect(statistics[0].sentRequests == 0 && statistics[0].losses.overflow > 0)
                    #expect(statistics[1].losses.refused > 0 && statistics[1].sentRequests == 0)
                    #expect(statistics[2].droppedSamples == 0)
                    #expect(good.received.count >= taken - 2)
                    #expect(slow.received.count == 1)
                    await push.shutdown(timeout: .milliseconds(300))
                    #expect(push.statistics.losses.shutdown > 0)
                }
            }
        }
    }

    /// The receiver never answers: the agent ends in time, and what waits is sent by the next one, which speaks another
    /// protocol by then.
    @Test func whatWaitsSurvivesTheEndAndOtherOptions() async throws {
        try await TemporaryFolder.with { folder in
            let counter = Counter()
            func life(_ port: Int, _ change: (inout PushConfiguration) -> Void, _ until: (MetricsPush) async -> Bool)
                async throws
            {
                let lane = try Lane(name: "spool", backend: .epoll)
                try lane.start()
                defer { lane.stop() }
                let spool = try Spool(directory: folder.path("spool"), SpoolConfiguration(), executor: lane)
                var configuration = try configuration(port)
                change(&configuration)
                let push = try MetricsPush(
                    configuration, source: Self.numbered(counter, series: 2), spools: [spool],
                    logger: LogCapture().logger)
                await push.start()
                #expect(await until(push))
                let start = ContinuousClock.now
                await push.shutdown(timeout: .seconds(1))
                #expect(ContinuousClock.now - start < .seconds(3))
                #expect(push.statistics.droppedSamples == 0)
            }
            try await ScriptedServer.with([.hang]) { server in
                try await life(server.port) {
                    $0.compression = .zstd
                } _: { _ in
                    await eventually { counter.count >= 5 }
                }
            }
            let before = counter.count
            try await ScriptedServer.with([.status(204, headers: [(written, "2")])]) { server in
                try await life(server.port) {
                    $0.metricsProtocol = .remoteWrite2
                } _: { push in
                    await eventually { push.statistics.sentRequests > before }
                }
                let old = server.received.prefix(before)
                #expect(old.allSatisfy { $0.headers["Content-Encoding"] == ["zstd"] })
                #expect(old.allSatisfy { $0.headers["X-Prometheus-Remote-Write-Version"] == ["0.1.0"] })
                #expect(server.received.last?.headers["X-Prometheus-Remote-Write-Version"] == ["2.0.0"])
                let times = try old.flatMap { try Self.samples(plain($0)) }.filter { $0.0 == "c1" }.map(\.1)
                #expect(times == Array(0..<before).map { $0 + 1_000_000 })
            }
        }
    }
}
