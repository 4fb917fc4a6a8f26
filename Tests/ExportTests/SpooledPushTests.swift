import CSnappy
import Foundation
import Logging
import Metrics
import Ring
import Spool
import Testing

@testable import Export

/// Remote write with a spool on a real disk and a server that comes and goes.
@Suite(.serialized) struct SpooledPushTests {
    /// Snapshots of one sample, with a label that numbers them.
    private static func counting(_ counter: Counter) -> ClosureSource {
        ClosureSource {
            var snapshot = MetricsSnapshot(timestamp: ClosureSource.now)
            snapshot.add(.up, LabelSet([("number", "#\(counter.next())#")]), 1)
            return snapshot
        }
    }

    private static func number(of body: [UInt8]) throws -> Int {
        let packed = body.map { CChar(bitPattern: $0) }
        var length = 0
        try #require(snappy_uncompressed_length(packed, packed.count, &length) == SNAPPY_OK)
        var plain = [CChar](repeating: 0, count: length)
        try #require(snappy_uncompress(packed, packed.count, &plain, &length) == SNAPPY_OK)
        let parts = plain.map { UInt8(bitPattern: $0) }.split(
            separator: UInt8(ascii: "#"), omittingEmptySubsequences: false)
        try #require(parts.count == 3)
        return try #require(Int(String(decoding: parts[1], as: UTF8.self)))
    }

    private func configuration(port: Int) throws -> PushConfiguration {
        var configuration = PushConfiguration(
            endpoints: [try Endpoint("http://127.0.0.1:\(port)")], extraLabels: LabelSet([("job", "test")]),
            userAgent: "martlet-node/0.0.0")
        configuration.interval = .milliseconds(20)
        configuration.shortestPause = .milliseconds(20)
        configuration.longestPause = .milliseconds(50)
        configuration.queueLimit = 4
        return configuration
    }

    private func lane() throws -> Lane {
        let lane = try Lane(name: "spool", backend: .epoll)
        try lane.start()
        return lane
    }

    /// The numbers that a server received, in order; a request that was repeated counts once.
    private func values(_ server: ScriptedServer) throws -> [Int] {
        var values = [Int]()
        for request in server.received {
            let value = try Self.number(of: request.body)
            if values.last != value { values.append(value) }
        }
        return values
    }

    /// Down for 100 snapshots, twice restarted meanwhile: everything arrives, in order.
    @Test func losesNothingWhileTheServerIsDown() async throws {
        try await TemporaryFolder.with { folder in
            let counter = Counter()
            let port = try await ScriptedServer.with([.hang]) { $0.port }
            for life in 1...2 {
                let lane = try lane()
                let spool = try Spool(directory: folder.path("spool"), SpoolConfiguration(), executor: lane)
                let sender = try MetricsPush(
                    try configuration(port: port), source: Self.counting(counter), spools: [spool],
                    logger: LogCapture().logger)
                await sender.start()
                #expect(await eventually { spool.statistics.appendedRecords >= 50 })
                await sender.shutdown(timeout: .milliseconds(100))
                #expect(sender.statistics.droppedRequests == 0, "life \(life)")
                lane.stop()
            }
            let written = counter.count
            try await ScriptedServer.with([.status(200)]) { server in
                let lane = try lane()
                let spool = try Spool(directory: folder.path("spool"), SpoolConfiguration(), executor: lane)
                let sender = try MetricsPush(
                    try configuration(port: server.port), source: Self.counting(counter), spools: [spool],
                    logger: LogCapture().logger)
                await sender.start()
                #expect(await eventually(.seconds(20)) { server.received.count > written + 3 })
                await sender.shutdown(timeout: .seconds(5))
                lane.stop()
                #expect(try values(server) == Array(0..<counter.count))
                #expect(spool.statistics.bytes == 0 && sender.statistics.droppedRequests == 0)
            }
        }
    }

    /// A spool that takes nothing: the bounded queue in memory still works, and everything that is lost is counted.
    @Test func worksWithoutRoomOnTheDisk() async throws {
        try await TemporaryFolder.with { folder in
            let counter = Counter()
            let port = try await ScriptedServer.with([.hang]) { $0.port }
            let lane = try lane()
            let spool = try Spool(
                directory: folder.path("spool"), SpoolConfiguration(maximumBytes: 1 << 20), executor: lane)
            try FileManager.default.removeItem(atPath: folder.path("spool"))
            let log = LogCapture()
            let sender = try MetricsPush(
                try configuration(port: port), source: Self.counting(counter), spools: [spool], logger: log.logger)
            await sender.start()
            #expect(await eventually { sender.statistics.droppedRequests > 5 })
            await sender.shutdown(timeout: .milliseconds(100))
            lane.stop()
            #expect(sender.statistics.failedSpoolWrites > 0)
            #expect(sender.statistics.droppedSamples == UInt64(counter.count))
            #expect(log.lines.filter { $0.contains("the spool takes nothing, requests wait in memory") }.count == 1)
        }
    }

    @Test func oneOwnerAtATime() throws {
        let path = NSTemporaryDirectory() + "/martlet-lock-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lane = try lane()
        let first = try Spool(directory: path, SpoolConfiguration(), executor: lane)
        #expect(throws: SpoolError.locked(path: path)) {
            try Spool(directory: path, SpoolConfiguration(), executor: lane)
        }
        withExtendedLifetime(first) {}
        lane.stop()
    }
}
