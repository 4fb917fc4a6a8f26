import Foundation
import Testing

extension SystemTests {
    /// Lines of files on their way to a collector, while files are rotated and the agent is killed.
    @Suite struct LogDelivery {
        private static let kinds = ["rename", "copy", "delete"]
        private static let rounds = 6
        /// A million in all, of three kinds.
        private static let linesPerRound = 55_556

        private struct State: Decodable {
            struct Name: Decodable {
                let records: Int
                let distinct: Int
                let late: Int
                let attributes: [String: String]
                let resource: [String: String]
            }
            let requests: Int
            let records: Int
            let largest: Int
            let other: Int
            let names: [String: Name]
        }

        /// A program that writes one of the logs, in the cgroup of a unit of its own.
        private struct Writer {
            let kind: String
            let container: String
            let path: String
            let process: ChildProcess
            let input: FileHandle

            init(_ kind: String, in scratch: Scratch) throws {
                self.kind = kind
                let unit = "writer-\(kind)-\(UInt16.random(in: .min ... .max))"
                container = "/system.slice/\(unit).service"
                path = "/var/log/\(unit).log"
                let (log, fifo) = (path, scratch.file(unit))
                scratch.atEnd {
                    unlink(log)
                    for number in 1...12 { unlink("\(log).\(number)") }
                }
                guard mkfifo(fifo, 0o600) == 0 else { throw Failure("no FIFO") }
                let cgroup = try Cgroup(making: container, in: scratch)
                let script =
                    "exec /usr/bin/python3 \(Machine.helpers)/log_writer.py \(kind) \(kind) \(path) \(linesPerRound) < \(fifo)"
                process = try cgroup.start(["/bin/sh", "-c", script], in: scratch)
                // Both ways, so that opening does not wait for the other end.
                let raw = open(fifo, O_RDWR | O_CLOEXEC)
                guard raw >= 0 else { throw Failure("no FIFO") }
                input = FileHandle(fileDescriptor: raw, closeOnDealloc: true)
            }

            func write(rotating: Bool) throws {
                try input.write(contentsOf: Data((rotating ? "rotate\n" : "write\n").utf8))
            }

            func isDone(rounds: Int) -> Bool {
                process.output.split(separator: "\n").contains("\(rounds * linesPerRound)")
            }
        }

        private let scratch: Scratch
        private let port: Int

        init() throws {
            scratch = try Scratch()
            port = try Machine.freePort()
        }

        private func state() throws -> State {
            let text = try Command.check(["curl", "-sS", "--fail", "http://127.0.0.1:\(port)/"])
            return try JSONDecoder().decode(State.self, from: Data(text.utf8))
        }

        private func startAgent() throws -> AgentProcess {
            try AgentProcess(
                [
                    "--logs-endpoint", "http://127.0.0.1:\(port)/v1/logs", "--otlp-compression", "gzip",
                    "--push-shards", "1",
                ], in: scratch)
        }

        @Test func everyLineArrivesThroughRotationsAndKills() throws {
            defer { scratch.remove() }
            let protos = URL(fileURLWithPath: Machine.helpers).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("WireTests/Protos").path
            try ChildProcess(
                [
                    "/usr/bin/python3", Machine.helpers + "/log_receiver.py", "\(port)", protos,
                    try scratch.folder("protos"), "\(Self.rounds * Self.linesPerRound)",
                ], in: scratch
            ).expect("ready")
            var agent = try startAgent()
            let writers = try Self.kinds.map { try Writer($0, in: scratch) }
            let begin = Machine.now
            var (kills, ends) = (0, 0)
            for round in 0..<Self.rounds {
                for writer in writers {
                    // What is deleted before anybody has read it is gone.
                    if writer.kind == "delete", round > 0 {
                        try expect(round * Self.linesPerRound, of: "delete", agent)
                    }
                    try writer.write(rotating: round > 0)
                }
                if round == 0 { try expect(1, of: "rename", agent) }
                for part in 0..<2 where round > 0 {
                    usleep(UInt32.random(in: 100_000..<900_000))
                    agent.process.signal(SIGKILL)
                    _ = agent.process.wait(seconds: 5)
                    kills += 1
                    agent = try startAgent()
                    if part == 1, round % 2 == 0 {
                        #expect(agent.terminate().status == 0)
                        ends += 1
                        agent = try startAgent()
                    }
                }
                #expect(soon(within: 60) { writers.allSatisfy { $0.isDone(rounds: round + 1) } })
            }
            let total = Self.rounds * Self.linesPerRound
            for kind in Self.kinds { try expect(total, of: kind, agent) }
            let seconds = Machine.now - begin
            let state = try state()
            var repeated = 0
            for writer in writers {
                let name = try #require(state.names[writer.kind])
                #expect(name.distinct == total && name.late == 0, "\(writer.kind): \(name)")
                #expect(name.attributes["log.source"] == writer.path)
                #expect(name.resource["container.id"] == writer.container)
                #expect(name.resource["service.name"] == writer.container)
                repeated += name.records - name.distinct
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

        private func expect(_ count: Int, of kind: String, _ agent: AgentProcess) throws {
            let isThere = try soon(within: 90, every: 0.2) { try (state().names[kind]?.distinct ?? 0) >= count }
            if isThere { return }
            let page = try? agent.page()
            let faults = page?.samples.filter {
                $0.value > 0 && ($0.labels["kind"] ?? $0.labels["reason"] ?? "").contains("log")
            }
            throw Failure(
                "not \(count) lines of \(kind): \(try state().names)\nfaults: \(faults ?? [])\nagent: \(agent.process.errors.suffix(1000))"
            )
        }
    }
}
