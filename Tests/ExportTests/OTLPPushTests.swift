import Host
import Logging
import Logs
import Network
import Protocols
import Ring
import Spool
import Testing
import Traces
import Wire

@testable import Export

/// Logs and traces on their way: to servers that answer, that do not, and through spools on a real disk.
@Suite(.serialized) struct OTLPPushTests {
    private static let owner = LogOwner(
        serviceName: "/docker/a", containerID: "/docker/a", hostName: "node", hostID: "machine")

    private func configuration(
        port: Int, _ change: (inout OTLPConfiguration) -> Void = { _ in }
    ) throws -> OTLPConfiguration {
        var configuration = OTLPConfiguration(
            endpoint: try Endpoint("http://127.0.0.1:\(port)/own/path"),
            transport: TransportConfiguration(userAgent: "martlet-node/0.0.0"))
        configuration.compression = .none
        configuration.batchBytes = 4096
        configuration.batchAge = .milliseconds(20)
        configuration.shortestPause = .milliseconds(20)
        configuration.longestPause = .milliseconds(50)
        configuration.queueLimit = 4
        configuration.closedLimit = 4
        change(&configuration)
        return configuration
    }

    private func take(_ number: Int, _ push: LogPush) -> Bool {
        let body = Array("#\(number)".utf8)
        let source = Array("stdout/stderr".utf8)
        let record = LogRecord(
            body: body.span, source: source.span, level: .error, stream: .stderr, time: 1, observedTime: 2,
            pattern: .none)
        return push.take(record, JSONLog(), from: Self.owner)
    }

    /// The numbers of records (field 2 of a scope: body 5, string_value 1) in a request.
    private func numbers(_ request: ScriptedServer.Received) -> [Int] {
        var numbers: [Int] = []
        request.body.withUnsafeBytes { bytes in
            func each(_ range: Range<Int>?, _ number: UInt64, _ body: (Range<Int>) -> Void) {
                var reader = ProtobufReader(bytes, range)
                while let field = reader.next() {
                    if field.number == number, let content = field.content { body(content) }
                }
            }
            each(nil, 1) {
                each($0, 2) {
                    each($0, 2) {
                        each($0, 5) {
                            each($0, 1) { text in
                                numbers.append(Int(String(decoding: bytes[text].dropFirst(), as: UTF8.self)) ?? -1)
                            }
                        }
                    }
                }
            }
        }
        return numbers
    }

    private func lane() throws -> Lane {
        let lane = try Lane(name: "spool", backend: .epoll)
        try lane.start()
        return lane
    }

    @Test func recordsArriveInOrderAndAreSettled() async throws {
        try await ScriptedServer.with([.status(503), .status(200)]) { server in
            let push = try LogPush(try configuration(port: server.port), spool: nil, logger: LogCapture().logger)
            push.start()
            for number in 0..<500 {
                while !push.hasRoom { try await Task.sleep(for: .milliseconds(5)) }
                _ = take(number, push)
            }
            #expect(await eventually { push.settled == 500 })
            #expect(push.taken == 500 && push.sender.destination.statistics.sentSamples == 500)
            await push.shutdown(until: .now + .seconds(5))
            #expect(server.received.dropFirst().flatMap(numbers) == Array(0..<500))
            let request = try #require(server.received.last)
            #expect(request.uri == "/own/path" && request.headers["content-type"] == ["application/x-protobuf"])
            #expect(request.headers["content-encoding"].isEmpty)
        }
    }

    /// What was taken just before the end is sent.
    @Test func shutdownSendsTheLastBatch() async throws {
        try await ScriptedServer.with([.status(200)]) { server in
            let push = try LogPush(
                try configuration(port: server.port) { $0.batchAge = .seconds(3600) }, spool: nil,
                logger: LogCapture().logger)
            push.start()
            _ = take(7, push)
            await push.shutdown(until: .now + .seconds(5))
            #expect(server.received.flatMap(numbers) == [7] && push.settled == 1)
        }
    }

    /// The reader is held back before anything is dropped, with no spool.
    @Test func aServerThatIsDownHoldsTheReader() async throws {
        let port = try await ScriptedServer.with([.hang]) { $0.port }
        let push = try LogPush(try configuration(port: port), spool: nil, logger: LogCapture().logger)
        push.start()
        var count = 0
        while take(count, push), count < 100_000 {
            count += 1
            if count % 20 == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        count += 1
        #expect(count < 100_000 && !push.hasRoom && push.settled == 0)
        #expect(push.sender.destination.statistics.droppedRequests == 0)
        await push.shutdown(until: .now + .milliseconds(50))
        // Nothing is left without being counted.
        #expect(push.sender.destination.statistics.losses.shutdown == UInt64(count) && push.settled == UInt64(count))
    }

    /// With a spool it is held back when that is full; everything arrives once the server is there, after a restart.
    @Test func aFullSpoolHoldsTheReaderAndLosesNothing() async throws {
        try await TemporaryFolder.with { folder in
            let port = try await ScriptedServer.with([.hang]) { $0.port }
            let count = try await fillSpool(folder.path("spool"), port: port)
            #expect(count > 1000 && count < 100_000)
            try await ScriptedServer.with([.status(200)]) { server in
                try await drainSpool(folder.path("spool"), port: server.port, count)
                #expect(server.received.flatMap(numbers) == Array(0..<count))
            }
        }
    }

    /// Gives records until there is no room for more, and ends; returns how many.
    private func fillSpool(_ path: String, port: Int) async throws -> Int {
        let lane = try lane()
        defer { lane.stop() }
        let spool = try Spool(directory: path, SpoolConfiguration(maximumBytes: 1 << 20), executor: lane)
        let push = try LogPush(try configuration(port: port), spool: spool, logger: LogCapture().logger)
        push.start()
        var count = 0
        filling: while count < 100_000 {
            let hasRoom = take(count, push)
            count += 1
            if hasRoom, count % 50 != 0 { continue }
            var waited = 0
            while !push.hasRoom {
                if waited == 100 { break filling }
                try await Task.sleep(for: .milliseconds(5))
                waited += 1
            }
        }
        #expect(spool.statistics.bytes <= 1 << 20 && spool.statistics.bytes > 1 << 19)
        await push.shutdown(until: .now + .milliseconds(50))
        #expect(spool.statistics.droppedItems == 0 && push.sender.destination.statistics.droppedRequests == 0)
        #expect(push.settled == UInt64(count))
        return count
    }

    private func drainSpool(_ path: String, port: Int, _ count: Int) async throws {
        let lane = try lane()
        defer { lane.stop() }
        let spool = try Spool(directory: path, SpoolConfiguration(maximumBytes: 1 << 20), executor: lane)
        let push = try LogPush(try configuration(port: port), spool: spool, logger: LogCapture().logger)
        push.start()
        #expect(
            await eventually(.seconds(30)) { push.sender.destination.statistics.sentSamples == UInt64(count) })
        await push.shutdown(until: .now + .seconds(5))
    }

    /// A request that is too large goes in halves, in order, until they are taken; later ones are made smaller at once.
    @Test func tooLargeIsHalved() async throws {
        let large = ScriptedServer.Answer.status(413)
        try await ScriptedServer.with([large, large, large, .status(200)]) { server in
            let push = try LogPush(
                try configuration(port: server.port) { $0.batchBytes = 200_000 }, spool: nil,
                logger: LogCapture().logger)
            for number in 0..<800 { _ = take(number, push) }
            push.start()
            #expect(await eventually { push.settled == 800 })
            let statistics = push.sender.destination.statistics
            #expect(statistics.halvedRequests == 3 && statistics.sentSamples == 800 && statistics.losses.total == 0)
            #expect(server.received[3...].flatMap(numbers) == Array(0..<800))
            #expect(server.received.prefix(4).map { numbers($0).count } == [800, 400, 200, 100])
            // As much as the largest part that was taken, not the whole.
            let limit = push.sender.batchBytes
            #expect(limit < 100_000 && limit >= server.received.last?.body.count ?? .max)
            await push.shutdown(until: .now + .seconds(5))
        }
    }

    @Test func oneRecordThatIsTooLargeIsDropped() async throws {
        try await ScriptedServer.with([.status(413), .status(413), .status(200)]) { server in
            let log = LogCapture()
            let push = try LogPush(try configuration(port: server.port), spool: nil, logger: log.logger)
            for number in 0..<2 { _ = take(number, push) }
            push.start()
            #expect(await eventually { push.settled == 2 })
            let statistics = push.sender.destination.statistics
            #expect(statistics.losses.refused == 1 && statistics.rejectedRequests == 1 && statistics.sentSamples == 1)
            #expect(server.received.map(numbers) == [[0, 1], [0], [1]])
            #expect(log.lines.contains { $0.contains("refused a request, dropped 1 log records") })
            await push.shutdown(until: .now + .seconds(5))
        }
    }

    /// Halves of a request that is on disk: its record stays until both have arrived, and no longer.
    @Test(arguments: [1, 2, 3]) func halvesAndTheSpool(failure: Int) async throws {
        try await TemporaryFolder.with { folder in
            let lane = try lane()
            defer { lane.stop() }
            var answers = [ScriptedServer.Answer](repeating: .status(413), count: 2)
            answers.insert(.status(503), at: min(failure, 2))
            if failure == 3 { answers.insert(.status(200), at: 2) }
            try await ScriptedServer.with(answers + [.status(200)]) { server in
                let spool = try Spool(
                    directory: folder.path("spool"), SpoolConfiguration(maximumBytes: 1 << 20), executor: lane)
                let push = try LogPush(
                    try configuration(port: server.port) { $0.batchBytes = 200_000 }, spool: spool,
                    logger: LogCapture().logger)
                for number in 0..<800 { _ = take(number, push) }
                push.start()
                #expect(await eventually { push.sender.destination.statistics.sentSamples == 800 })
                await push.shutdown(until: .now + .seconds(5))
                let taken = server.received.enumerated().filter { place, _ in
                    place >= answers.count || answers[place].isGood
                }
                #expect(taken.map(\.element).flatMap(numbers) == Array(0..<800))
                #expect(spool.statistics.droppedItems == 0 && spool.statistics.bytes == 0)
            }
            let again = try Spool(
                directory: folder.path("spool"), SpoolConfiguration(maximumBytes: 1 << 20), executor: lane)
            #expect(again.isEmptyAtStart)
        }
    }

    @Test func whatTheServerDidNotStoreIsCounted() async throws {
        // partial_success 1: rejected_log_records 1 = 3, error_message 2 = "full".
        let answer = String(decoding: [0x0A, 8, 0x08, 3, 0x12, 4] + Array("full".utf8), as: UTF8.self)
        try await ScriptedServer.with([.status(200, body: answer)]) { server in
            let log = LogCapture()
            let push = try LogPush(
                try configuration(port: server.port) { $0.batchAge = .seconds(3600) }, spool: nil, logger: log.logger)
            push.start()
            for number in 0..<10 { _ = take(number, push) }
            await push.shutdown(until: .now + .seconds(5))
            let statistics = push.sender.destination.statistics
            #expect(statistics.sentSamples == 7 && statistics.losses.notStored == 3)
            #expect(log.lines.contains { $0.contains("did not store 3 of 10 log records: full") })
        }
    }

    /// Requests do not wait: spans that do not fit are dropped, and none without being counted.
    @Test func spansThatDoNotFitAreCounted() async throws {
        let port = try await ScriptedServer.with([.hang]) { $0.port }
        let push = try SpanPush(
            try configuration(port: port), TraceOptions(), version: "1", spool: nil, logger: LogCapture().logger)
        push.start()
        var text = RequestText()
        text.add(.operation, "GET")
        let facts = ResourceFacts(serviceName: "a", containerID: "a", hostName: "n", hostID: "m")
        let end = Network.Endpoint(address: .unspecified, port: 80)
        let peer = RequestPeer(isInbound: false, isTLS: false, destination: .endpoint(end), local: end)
        for number in UInt64(0)..<20_000 {
            push.take(Exchange(.http1, status: .http(200), start: number, end: number), text, peer, from: facts)
            if number % 200 == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        await push.shutdown(until: .now + .milliseconds(50))
        let losses = push.sender.destination.statistics.losses
        #expect(push.made == 20_000 && losses.overflow > 0 && losses.total == 20_000)
        #expect(losses.all(of: .traces).first { $0.reason == "push_queue_full_spans" }?.items == losses.overflow)
    }
}
