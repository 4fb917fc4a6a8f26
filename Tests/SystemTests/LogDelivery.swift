import Foundation
import Testing

extension SystemTests {
    /// Lines of files on their way to a collector, while files are rotated and the agent is killed.
    @Suite struct LogDelivery {
        private static let kinds = ["rename", "copy", "delete"]
        private static let rounds = 6
        /// A million in all, of three kinds.
        private static let linesPerRound = 55_556

        private func startAgent(_ collector: LogCollector, in scratch: Scratch) throws -> AgentProcess {
            try AgentProcess(
                [
                    "--logs-endpoint", "http://127.0.0.1:\(collector.port)/v1/logs", "--otlp-compression", "gzip",
                    "--push-shards", "1",
                ], in: scratch)
        }

        @Test func everyLineArrivesThroughRotationsAndKills() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let collector = try LogCollector(lines: Self.rounds * Self.linesPerRound, in: scratch)
            var agent = try startAgent(collector, in: scratch)
            let writers = try Self.kinds.map { try NumberedLog.unit($0, rotation: $0, in: scratch) }
            let begin = Machine.now
            var (kills, ends) = (0, 0)
            for round in 0..<Self.rounds {
                for writer in writers {
                    // What is deleted before anybody has read it is gone.
                    if writer.name == "delete", round > 0 {
                        try expect(round * Self.linesPerRound, of: "delete", collector, agent)
                    }
                    try writer.write(Self.linesPerRound, rotating: round > 0)
                }
                if round == 0 { try expect(1, of: "rename", collector, agent) }
                for part in 0..<2 where round > 0 {
                    usleep(UInt32.random(in: 100_000..<900_000))
                    agent.process.signal(SIGKILL)
                    _ = agent.process.wait(seconds: 5)
                    kills += 1
                    agent = try startAgent(collector, in: scratch)
                    if part == 1, round % 2 == 0 {
                        #expect(agent.terminate().status == 0)
                        ends += 1
                        agent = try startAgent(collector, in: scratch)
                    }
                }
                #expect(soon(within: 60) { writers.allSatisfy(\.isWritten) })
            }
            let total = Self.rounds * Self.linesPerRound
            for kind in Self.kinds { try expect(total, of: kind, collector, agent) }
            let seconds = Machine.now - begin
            let state = try collector.state()
            var repeated = 0
            for writer in writers {
                let name = try #require(state.names[writer.name])
                #expect(name.distinct == total && name.late == 0, "\(writer.name): \(name)")
                #expect(name.attributes["log.source"] == writer.path)
                #expect(name.resource["container.id"] == writer.container)
                #expect(name.resource["service.name"] == writer.container)
                repeated += name.repeats
            }
            let page = try agent.page()
            // No more than one batch a kill; an end that was asked for repeats nothing.
            #expect(repeated <= kills * state.largest, "\(repeated) repeated, the largest batch \(state.largest)")
            // An agent that ends before it sees that a file was deleted cannot know that it had read all of it: only the log
            // that is deleted can be counted so.
            #expect(page.value("martlet_faults_total", ["kind": "log_position_lost"]) ?? 0 <= 1)
            #expect(state.other == 0)
            for reason in ["log_line_too_long_bytes", "log_message_too_long_bytes", "log_malformed_lines"] {
                #expect(page.value("martlet_dropped_total", ["reason": reason]) ?? 0 == 0)
            }
            #expect(page.value("martlet_faults_total", ["kind": "log_truncated"]) ?? 0 == 0)
            print(
                "log delivery: \(3 * total) lines, \(3 * (Self.rounds - 1)) rotations, \(kills) kills, \(ends) ends, "
                    + "\(repeated) repeated, \(state.requests) requests, largest \(state.largest), \(Int(seconds)) s")
        }

        private func expect(
            _ count: Int, of kind: String, _ collector: LogCollector, _ agent: AgentProcess
        ) throws {
            let isThere = try soon(within: 90, every: 0.2) {
                try (collector.state().names[kind]?.distinct ?? 0) >= count
            }
            if isThere { return }
            let page = try? agent.page()
            let faults = page?.samples.filter {
                $0.value > 0 && ($0.labels["kind"] ?? $0.labels["reason"] ?? "").contains("log")
            }
            throw Failure(
                "not \(count) lines of \(kind): \(try collector.state().names)\nfaults: \(faults ?? [])\nagent: \(agent.process.errors.suffix(1000))"
            )
        }
    }
}
