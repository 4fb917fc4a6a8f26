import Foundation
import Testing

extension SystemTests {
    /// Everything that can happen between the agent and a collector of logs, with log files as runtimes write them. At the end
    /// the collector is asked for every line: it has it, once and in order, or the agent counted it.
    @Suite(.enabled(if: OTLPReceiver.isInstalled, "opentelemetry-proto and opentelemetry-sdk are not installed"))
    struct LogFaults {
        /// What may pass is sent again until it does: nothing is lost, and nothing repeated but where the answer was lost.
        @Test func passingFaults() throws {
            // Each at an agent of its own, which reads the same files: pauses grow with every failure.
            let faults = ["500 500", "429/8", "503/8", "reset reset", "lost", "slow/4", "swallow"]
            let lines = 10_000
            var scenes: [(fault: String, scene: LogScene)] = []
            let scratch = try Scratch()
            defer {
                scratch.remove()
                for (_, scene) in scenes { scene.scratch.remove() }
            }
            for fault in faults { scenes.append((fault, try LogScene("pass pass \(fault) pass", lines: lines))) }
            let logs = try LogScene.logs(in: scratch)
            for log in logs { try log.write(lines) }
            for (fault, scene) in scenes {
                let state = try scene.expect(logs, within: 120)
                let requests = scene.requests
                #expect(requests.map(\.action).contains(fault.split(separator: " ").last.map(String.init)), "\(fault)")
                let isLost = fault == "lost"
                for log in logs {
                    let name = try #require(state.names[log.name])
                    #expect(name.distinct == lines && name.late == 0, "\(fault), \(log.name): \(name)")
                    #expect(name.resource["container.id"] == log.container)
                }
                #expect(isLost ? (1...state.largest).contains(state.repeats) : state.repeats == 0, "\(fault): \(state)")
                #expect(scene.proxy.repeats == (isLost ? 1 : 0), "\(fault)")
                #expect(try scene.lost(scene.agent.page()) == 0, "\(fault)")
                // Retry-After is kept to: nothing is sent before.
                if fault.hasSuffix("/8"), let index = requests.firstIndex(where: { $0.action == fault }) {
                    let pause = requests[index + 1].time - requests[index].time
                    #expect((8..<12).contains(pause), "\(fault): \(pause) s")
                    #expect(requests[index + 1].hash == requests[index].hash)
                }
            }
        }

        /// Nobody listens for a while: what was read waits on disk, and leaves it in order.
        @Test func outage() throws {
            let scene = try LogScene("pass", lines: 30_000)
            defer { scene.scratch.remove() }
            let logs = try LogScene.logs(in: scene.scratch)
            for log in logs { try log.write(2000) }
            try scene.expect(logs, within: 60)
            scene.disconnect()
            for log in logs { try log.write(20_000) }
            try scene.agent.page(within: 60, "all lines read, and requests on disk") { page in
                logs.allSatisfy { scene.read($0, on: page) == $0.lines }
                    && page.value("martlet_spool_records_total", ["result": "appended"]) ?? 0 >= 5
            }
            try scene.connect()
            let state = try scene.expect(logs, within: 90)
            for log in logs { #expect(state.names[log.name]?.late == 0, "\(state)") }
            // The request that was on its way.
            #expect(state.repeats <= state.largest, "\(state)")
            #expect(try scene.lost(scene.agent.page()) == 0)
        }

        /// With a spool that is full, or without one, the reader stops and the files wait, however often the agent is killed: memory
        /// stays as it is, and every line arrives when the collector is back.
        @Test(arguments: ["0", "1MB"])
        func nowhereToPut(spool: String) throws {
            let lines = 150_000
            let scene = try LogScene("500", ["--max-spool-size=\(spool)"], lines: lines)
            defer { scene.scratch.remove() }
            let logs = try LogScene.logs(in: scene.scratch)
            for log in logs { try log.write(100) }
            try scene.agent.page(within: 30, "the first lines") { page in
                logs.allSatisfy { scene.read($0, on: page) == $0.lines }
            }
            for log in logs { try log.write(80_000) }
            try scene.agent.page(within: 30, "more lines") { page in
                logs.contains { scene.read($0, on: page) > 100 }
            }
            let (held, resident) = try stuck(scene, logs)
            // The first file's rest is in a renamed one now.
            for (index, log) in logs.enumerated() { try log.write(40_000, rotating: index == 0) }
            #expect(soon(within: 30) { logs.allSatisfy(\.isWritten) })
            let (later, grown) = try stuck(scene, logs)
            #expect(later == held, "\(later) lines read where there was room for \(held)")
            #expect(grown - resident < 8 << 20, "\(resident) bytes became \(grown)")
            #expect(try scene.lost(scene.agent.page()) == 0)
            let kills = 3
            for _ in 0..<kills {
                try scene.kill()
                _ = try stuck(scene, logs)
                #expect(try scene.lost(scene.agent.page()) == 0)
            }
            try scene.kill()
            try scene.proxy.plan("pass")
            let state = try scene.expect(logs, within: 150)
            for log in logs {
                let name = try #require(state.names[log.name])
                #expect(name.distinct == log.lines && name.late == 0, "\(log.name): \(name)")
            }
            // No more than one batch a kill.
            #expect(state.repeats <= (kills + 1) * state.largest, "\(state)")
            #expect(try scene.lost(scene.agent.page()) == 0)
            print(
                "logs, spool \(spool): \(held) lines of \(logs.map(\.lines)) held, resident \(resident >> 20) MiB, then "
                    + "\(grown >> 20); \(kills + 1) kills, \(state.repeats) repeated, largest batch \(state.largest)")
        }

        /// Waits until the agent reads no further; how many lines it has read, and its resident memory.
        private func stuck(_ scene: LogScene, _ logs: [NumberedLog]) throws -> (lines: Int, resident: Int) {
            func count() throws -> Int {
                let page = try scene.agent.page()
                return logs.reduce(0) { $0 + scene.read($1, on: page) }
            }
            var last = -1
            let isStuck = try soon(within: 90, every: 3) {
                let now = try count()
                defer { last = now }
                return now == last
            }
            let total = logs.reduce(0) { $0 + $1.lines }
            #expect(isStuck && last < total, "\(last) of \(total) lines were read, with nowhere to put them")
            return (last, try scene.residentBytes())
        }

        /// What the collector will never take is dropped at once, counted, and the rest goes on.
        @Test func refusals() throws {
            let lines = 10_000
            let scene = try LogScene("pass pass 400 401 pass", lines: lines)
            defer { scene.scratch.remove() }
            let logs = try LogScene.logs(in: scene.scratch)
            for log in logs { try log.write(lines) }
            let page = try scene.agent.page(within: 60, "all lines read, and two requests refused") { page in
                logs.allSatisfy { scene.read($0, on: page) == $0.lines }
                    && page.value("martlet_otlp_requests_total", ["signal": "logs", "result": "rejected"]) == 2
            }
            let refused = Int(page.value("martlet_dropped_total", ["reason": "push_refused_log_records"]) ?? 0)
            let state = try scene.expect(logs, missing: refused, within: 60)
            #expect(refused > 0 && state.distinct == 3 * lines - refused && state.repeats == 0, "\(refused): \(state)")
            #expect(try scene.lost(scene.agent.page()) == Double(refused))
            #expect(scene.requests.filter { !$0.wasTaken }.map(\.status) == [400, 401])
        }

        /// A collector that takes only small requests gets small ones; a record that is too large by itself is dropped, counted.
        @Test func tooLarge() throws {
            let lines = 10_000
            let scene = try LogScene("larger/20000", lines: lines)
            defer { scene.scratch.remove() }
            let logs = try LogScene.logs(in: scene.scratch)
            for log in logs { try log.write(lines) }
            #expect(soon(within: 30) { logs.allSatisfy(\.isWritten) })
            // A message of its own, of digits that do not compress to less than half of their number.
            let digits = (0..<60_000).map { _ in "0123456789abcdef".randomElement() ?? "0" }
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: logs[0].path))
            try file.seekToEnd()
            try file.write(contentsOf: Data("2026-01-01 00:00:00.000 INFO large: \(String(digits))\n".utf8))
            try file.close()
            let page = try scene.agent.page(within: 60, "the large record dropped") {
                $0.value("martlet_dropped_total", ["reason": "push_refused_log_records"]) ?? 0 >= 1
            }
            #expect(page.value("martlet_dropped_total", ["reason": "push_refused_log_records"]) == 1)
            let state = try scene.expect(logs, within: 60)
            for log in logs { #expect(state.names[log.name]?.late == 0, "\(state)") }
            #expect(state.repeats == 0 && state.other == 0 && state.distinct == 3 * lines, "\(state)")
            #expect(try scene.lost(scene.agent.page()) == 1)
            let refused = scene.requests.count { $0.status == 413 }
            #expect(refused > 0)
            print("logs, at most 20,000 bytes: \(refused) of \(scene.requests.count) requests were too large")
        }

        /// What the collector says it did not store is counted.
        @Test func partialSuccess() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let receiver = try OTLPReceiver(rejecting: 3, in: scratch)
            let agent = try AgentProcess(["--logs-endpoint=http://127.0.0.1:\(receiver.port)/v1/logs"], in: scratch)
            let log = try NumberedLog.unit("partly", in: scratch)
            try log.write(1000)
            func count(_ page: Page, _ result: String) -> Double {
                page.value("martlet_otlp_items_total", ["signal": "logs", "result": result]) ?? 0
            }
            let page = try agent.page(within: 30, "all records sent or not stored") {
                count($0, "sent") + count($0, "dropped") == 1000
            }
            let requests = page.value("martlet_otlp_requests_total", ["signal": "logs", "result": "sent"]) ?? 0
            let missing = page.value("martlet_dropped_total", ["reason": "push_not_stored_log_records"])
            #expect(requests >= 1 && missing == 3 * requests)
            #expect(try receiver.items().count == 1000 - Int(missing ?? 0))
            #expect(agent.process.errors.contains("did not store 3 of"))
        }
    }
}
