import Foundation
import Testing

extension SystemTests {
    /// Remote write while the receiver is away.
    @Suite struct Push {
        /// No receiver for a while, the agent killed in between: a real Prometheus gets every scrape, in order.
        @Test func losesNothingWhileTheReceiverIsDown() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = Int(try Machine.freePort())
            let arguments = ["--metrics-endpoint=http://127.0.0.1:\(port)/api/v1/write", "--scrape-interval=1s"]
            func waiting(_ agent: AgentProcess, _ count: Double) throws -> Double {
                let page = try agent.page(within: 20, "\(count) requests on disk") {
                    $0.value("martlet_spool_records_total", ["result": "appended"]) ?? 0 >= count
                }
                return page.value("martlet_spool_records_total", ["result": "appended"]) ?? 0
            }
            let first = try AgentProcess(arguments, in: scratch)
            let before = try waiting(first, 4)
            first.process.signal(SIGKILL)
            _ = first.process.wait(seconds: 5)
            let second = try AgentProcess(arguments, in: scratch)
            let after = try waiting(second, 4)
            let prometheus = try Prometheus(in: scratch, port: port)
            // Pauses between attempts grow to some 20 seconds by then.
            let page = try second.page(within: 90, "an empty spool") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
            }
            let count = try prometheus.query("count_over_time(up[10m])").first?.value ?? 0
            #expect(count >= before + after)
            #expect(page.value("martlet_remote_write_requests_total", ["result": "rejected"]) == 0)
            #expect(page.value("martlet_remote_write_samples_total", ["result": "dropped"]) == 0)
            #expect(page.value("martlet_spool_records_total", ["result": "corrupt"]) == 0)
        }

        /// A directory that cannot be used is an error at once, if the user chose it.
        @Test func namesADirectoryThatCannotBeUsed() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write("no directory", to: "file")
            let result = try Command.run([
                Machine.agent, "--listen=127.0.0.1:0", "--metrics-endpoint=http://127.0.0.1:9/write",
                "--wal-dir=\(file)/wal",
            ])
            #expect(result.status == 73)
            #expect(result.errors.contains("cannot use the spool directory \(file)/wal"))
        }
    }
}
