import Foundation
import Testing

extension SystemTests {
    /// Every protocol with the receivers that people use, old ones and new ones.
    @Suite struct PushPeers {
        /// Runs the agent until it has sent `snapshots` and ends it. Returns the last page and what it logged.
        private func push(
            _ arguments: [String], in scratch: Scratch, snapshots: Double = 4
        ) throws -> (page: Page, log: String) {
            let agent = try AgentProcess(arguments + ["--scrape-interval=1s"], in: scratch)
            let page = try agent.page(within: 60, "\(snapshots) snapshots") {
                $0.value("martlet_push_snapshots_total") ?? 0 > snapshots
                    && $0.value("martlet_remote_write_requests_total", ["result": "sent"]) ?? 0 >= snapshots
            }
            let (status, _) = agent.terminate()
            #expect(status == 0, "\(agent.process.errors.suffix(1000))")
            #expect(page.value("martlet_remote_write_samples_total", ["result": "dropped"]) == 0)
            #expect(page.value("martlet_remote_write_requests_total", ["result": "failed"]) == 0)
            return (page, agent.process.errors)
        }

        private func repacked(_ page: Page) -> Double? {
            page.value("martlet_remote_write_requests_total", ["result": "repacked"])
        }

        /// A Prometheus that knows remote write 2.0 stores all of it, with its metadata.
        @Test func remoteWrite2ToANewPrometheus() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(NewerDebian.prometheus.get(), in: scratch)
            let (page, log) = try push(
                ["--metrics-endpoint=\(prometheus.writeURL)", "--metrics-protocol=remote-write-2"], in: scratch)
            #expect(repacked(page) == 0, "\(log.suffix(1000))")
            let sent = page.value("martlet_push_snapshots_total") ?? .infinity
            #expect(try prometheus.query("count_over_time(up[10m])").first?.value ?? 0 >= sent)
            #expect(try prometheus.query("node_agent_info").count == 1)
        }

        /// An older one reads nothing from a 2.0 request and says 204: not even the first snapshot is lost.
        @Test func remoteWrite2ToAnOldPrometheus() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(in: scratch)
            let (page, log) = try push(
                ["--metrics-endpoint=\(prometheus.writeURL)", "--metrics-protocol=remote-write-2"], in: scratch)
            #expect(repacked(page) == 1)
            #expect(log.contains("does not take remote-write-2 with snappy, it gets remote-write with snappy"))
            let sent = page.value("martlet_push_snapshots_total") ?? .infinity
            #expect(try prometheus.query("count_over_time(up[10m])").first?.value ?? 0 >= sent)
        }

        /// `auto` finds out that VictoriaMetrics answers and tries zstd, which this version does not know.
        @Test func zstdToAnOldVictoriaMetrics() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let store = try VictoriaMetrics(in: scratch)
            let (page, log) = try push(["--metrics-endpoint=\(store.writeURL)"], in: scratch)
            #expect(repacked(page) == 1)
            #expect(log.contains("does not take remote-write with zstd, it gets remote-write with snappy"))
            #expect(try store.has(Int(page.value("martlet_push_snapshots_total") ?? 1e9), of: "up"))
        }

        /// Newer versions take it, and a request becomes smaller by it.
        @Test func zstdToANewVictoriaMetrics() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let store = try VictoriaMetrics(NewerDebian.victoriaMetrics.get(), in: scratch)
            var sizes: [Double] = []
            for method in ["snappy", "auto"] {
                let (page, log) = try push(
                    [
                        "--metrics-endpoint=\(store.writeURL)", "--metrics-compression=\(method)",
                        "--external-label=compression=\(method)",
                    ], in: scratch, snapshots: 6)
                #expect(repacked(page) == 0, "\(log.suffix(1000))")
                #expect(
                    try store.has(
                        Int(page.value("martlet_push_snapshots_total") ?? 1e9), of: "up{compression=\"\(method)\"}"))
                let bytes = page.value("martlet_remote_write_bytes_total") ?? 0
                let samples = page.value("martlet_remote_write_samples_total", ["result": "sent"]) ?? 1
                sizes.append(bytes / samples)
            }
            #expect(sizes[1] < 0.8 * sizes[0], "bytes a sample: \(sizes)")
        }

        @Test(arguments: ["auto", "gzip", "zstd", "none"])
        func otlpToVictoriaMetrics(method: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let store = try VictoriaMetrics(NewerDebian.victoriaMetrics.get(), in: scratch)
            let (page, _) = try push(
                [
                    "--metrics-endpoint=\(store.otlpURL)", "--metrics-protocol=otlp", "--metrics-compression=\(method)",
                ], in: scratch)
            let sent = Int(page.value("martlet_push_snapshots_total") ?? 1e9)
            #expect(try store.has(sent, of: "up"))
            #expect(try store.has(1, of: "node_agent_info"))
        }

        /// Two receivers at once, one of which is away at first: both have everything in the end.
        @Test func severalReceivers() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            let store = try VictoriaMetrics(in: scratch)
            let agent = try AgentProcess(
                ["--scrape-interval=1s", "--metrics-compression=snappy"], in: scratch,
                environment: ["METRICS_ENDPOINT": "http://127.0.0.1:\(port)/api/v1/write, \(store.writeURL)"])
            try agent.page(within: 60, "three snapshots on disk") {
                $0.value("martlet_spool_records_total", ["result": "appended", "endpoint": "127.0.0.1:\(port)"]) ?? 0
                    >= 3
            }
            #expect(try store.has(2, of: "up"))
            let prometheus = try Prometheus(in: scratch, port: port)
            let page = try agent.page(within: 60, "an empty spool") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
                    && $0.value(
                        "martlet_remote_write_requests_total", ["result": "sent", "endpoint": "127.0.0.1:\(port)"])
                        ?? 0 >= 3
            }
            _ = agent.terminate()
            let sent = page.value("martlet_push_snapshots_total") ?? .infinity
            #expect(try prometheus.query("count_over_time(up[10m])").first?.value ?? 0 >= sent)
            #expect(try store.has(Int(sent), of: "up"))
            #expect(page.value("martlet_remote_write_samples_total", ["result": "dropped"]) == 0)
        }
    }
}
