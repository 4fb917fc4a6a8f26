import Foundation
import Testing

extension SystemTests {
    /// What reaches a real Prometheus, and what is kept from it.
    @Suite struct Series {
        private func unit(_ name: String) -> String { "/system.slice/martlet-series-\(name)-\(getpid()).service" }

        private func pushing(
            _ prometheus: Prometheus, _ arguments: [String] = [], in scratch: Scratch
        ) throws -> AgentProcess {
            try AgentProcess(
                ["--metrics-endpoint=\(prometheus.writeURL)", "--scrape-interval=1s"] + arguments, in: scratch)
        }

        private func count(_ prometheus: Prometheus, _ selector: String) throws -> Double {
            try prometheus.query("count(\(selector))").first?.value ?? 0
        }

        /// The receiver is told, and does not show the last value for five minutes.
        @Test func anEndedContainerIsStaleAtOnce() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(in: scratch)
            let agent = try pushing(prometheus, ["--gc-interval=1s"], in: scratch)
            let cgroup = try Cgroup(making: unit("end"), in: scratch)
            let process = try cgroup.start([Workload.path(), "sleep"], in: scratch)
            let selector = "{container_id=\"\(cgroup.path)\"}"
            #expect(try soon(within: 15, every: 0.3) { try count(prometheus, selector) > 0 })
            process.stop()
            cgroup.remove()
            // A scrape, a look for garbage and the time that this machine takes; without markers it is 300 s.
            #expect(try soon(within: 20, every: 0.3) { try count(prometheus, selector) == 0 })
            #expect(try prometheus.query("count_over_time(martlet_container_processes\(selector)[2m])").count == 1)
            #expect(try count(prometheus, "up") == 1)
            let page = try agent.page()
            #expect(page.value("martlet_stale_markers_total") ?? 0 > 0)
            #expect(!page.text.contains("NaN"))
            #expect(page.value("martlet_remote_write_requests_total", ["result": "rejected"]) == 0)
        }

        @Test func listsAndExternalLabels() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(in: scratch)
            let agent = try pushing(
                prometheus,
                [
                    "--external-label=cluster=test", "--external-label=job=mine", "--metric-denylist=node_net_*",
                    "--metric-denylist=martlet_drain*", "--metric-denylist=no_such_metric",
                ], in: scratch)
            let all = "{__name__=~\".+\"}"
            #expect(try soon(within: 15, every: 0.3) { try count(prometheus, "node_uptime_seconds") > 0 })
            #expect(try count(prometheus, all) == count(prometheus, "{cluster=\"test\",job=\"mine\"}"))
            #expect(try count(prometheus, "{__name__=~\"node_net_.*|martlet_drain.*\"}") == 0)
            #expect(try count(prometheus, "{__name__=\"martlet_series\"}") == 1)
            let page = try agent.page()
            #expect(page.samples.allSatisfy { !$0.name.hasPrefix("node_net_") && $0.labels["cluster"] == nil })
            #expect(page.samples.contains { $0.name.hasPrefix("node_resources_") })
            #expect(agent.process.errors.contains("\"no_such_metric\" of the metric lists is the name of no metric"))
            let allowing = try AgentProcess(["--metric-allowlist=node_uptime_*"], in: scratch)
            #expect(try Set(allowing.page().samples.map(\.name)) == ["node_uptime_seconds"])
        }

        /// A container that connects to many addresses is cut, counted and named; others are not touched.
        @Test func aHostileContainerIsHeldBack() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = Int(try Machine.freePort())
            _ = try Workload.sink(port: port, address: "0.0.0.0", in: scratch)
            let prometheus = try Prometheus(in: scratch)
            let agent = try pushing(prometheus, ["--max-series-per-container=200"], in: scratch)
            let good = try Cgroup(making: unit("good"), in: scratch)
            let bad = try Cgroup(making: unit("bad"), in: scratch)
            func spread(_ cgroup: Cgroup, _ count: Int, _ first: Int) throws {
                let process = try cgroup.start(
                    [Workload.path(), "spread", "\(count)", "\(first)", "\(port)"], in: scratch)
                try process.expect("ready")
            }
            let connects = "container_net_tcp_successful_connects_total"
            try spread(good, 20, 0)
            try spread(bad, 20, 0)
            func visible(_ cgroup: Cgroup, _ name: String = "{__name__!=\"martlet_container_series\",") throws -> Double
            {
                try count(prometheus, "\(name)container_id=\"\(cgroup.path)\"}")
            }
            #expect(try soon(within: 15, every: 0.3) { try visible(bad, connects + "{") == 20 })
            #expect(try soon(within: 15, every: 0.3) { try visible(good, connects + "{") == 20 })
            // The first ones are idle by now, and the receiver has them.
            sleep(2)
            try spread(bad, 1500, 100)
            let page = try agent.page(within: 15, "series held back") {
                $0.value("martlet_series_held_back", ["limit": "container"]) ?? 0 > 5000
            }
            #expect(page.all(connects, ["container_id": good.path]).count == 20)
            #expect(
                page.samples.filter { $0.container == bad.path && $0.name != "martlet_container_series" }.count == 200)
            #expect(page.all("container_restarts_total", ["container_id": bad.path]).count == 1)
            #expect(page.value("martlet_container_series", ["container_id": bad.path]) == 200)
            #expect(page.value("martlet_dropped_total", ["reason": "series_limit_container"]) ?? 0 > 5000)
            #expect(page.value("martlet_dropped_total", ["reason": "series_limit_agent"]) == 0)
            #expect(page.value("martlet_series_held_back", ["limit": "agent"]) == 0)
            // What was cut is stale: the receiver shows no more than the agent does.
            #expect(try soon(within: 10, every: 0.3) { try visible(bad) == 200 })
            #expect(try visible(good, connects + "{") == 20)
            let line = agent.process.errors.split(separator: "\n").filter { $0.contains("held back by limits") }
            #expect(line.count == 1)
            #expect(line.first?.contains(bad.path) == true)
            // A container that comes now has room.
            let late = try Cgroup(making: unit("late"), in: scratch)
            try spread(late, 20, 0)
            #expect(try soon(within: 15, every: 0.3) { try visible(late, connects + "{") == 20 })
        }

        /// By default a restart makes no hole; a node that does not come back can say so.
        @Test func theEndOfTheAgent() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(in: scratch)
            let staying = try pushing(prometheus, ["--external-label=agent=staying"], in: scratch)
            let leaving = try pushing(
                prometheus,
                ["--external-label=agent=leaving", "--stale-on-shutdown", "--wal-dir=\(scratch.file("2"))"],
                in: scratch)
            for agent in ["staying", "leaving"] {
                #expect(try soon(within: 15, every: 0.3) { try count(prometheus, "{agent=\"\(agent)\"}") > 0 })
            }
            #expect(staying.terminate().status == 0)
            #expect(leaving.terminate().status == 0)
            #expect(try count(prometheus, "{agent=\"staying\"}") > 0)
            #expect(try count(prometheus, "{agent=\"leaving\"}") == 0)
            #expect(try prometheus.query("count_over_time(up{agent=\"leaving\"}[2m])").count == 1)
        }

        @Test func cardinalityOfAPage() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let address = "http://\(agent.address)"
            let table = try Command.check([Machine.agent, "cardinality", "--address", address])
            #expect(table.hasPrefix("series "))
            #expect(table.contains("\nMETRIC "))
            let page = try agent.get("/metrics")
            let file = try scratch.write(page + "\n", to: "page")
            let json = try Command.check([Machine.agent, "cardinality", "--json", "--limit=1000", file])
            struct Answer: Decodable {
                struct Part: Decodable { let series: Int }
                let series: Int
                let metrics: [Part]
            }
            let answer = try JSONDecoder().decode(Answer.self, from: Data(json.utf8))
            #expect(try answer.series == Page(page).samples.count)
            #expect(answer.metrics.reduce(0) { $0 + $1.series } == answer.series)
            let piped = try Command.check(
                ["/bin/sh", "-c", "\(Machine.agent) cardinality --json --limit=1000 - < \(file)"])
            #expect(piped == json)
            let refused = try Command.run([
                Machine.agent, "cardinality", "--address=http://127.0.0.1:\(try Machine.freePort())",
            ])
            #expect(refused.status == 1)
            #expect(refused.errors.contains("an agent that only pushes has no page"))
            #expect(refused.errors.split(separator: "\n").count == 1)
        }

        /// No external label may make one series of two.
        @Test func labelsThatTellSeriesApartAreNoExternalLabels() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = Int(try Machine.freePort())
            _ = try Workload.sink(port: port, address: "0.0.0.0", in: scratch)
            let agent = try AgentProcess(in: scratch)
            let cgroup = try Cgroup(making: unit("labels"), in: scratch)
            let process = try cgroup.start([Workload.path(), "spread", "3", "0", "\(port)"], in: scratch)
            try process.expect("ready")
            let page = try agent.page(within: 10, "destinations") {
                $0.all("container_net_tcp_successful_connects_total", ["container_id": cgroup.path]).count == 3
            }
            var telling: Set<String> = []
            for (_, samples) in Dictionary(grouping: page.samples, by: \.name) {
                for name in Set(samples.flatMap(\.labels.keys)) {
                    let rest = Set(samples.map { $0.labels.filter { $0.key != name } })
                    if rest.count < samples.count { telling.insert(name) }
                }
            }
            #expect(telling.isSuperset(of: ["mode", "queue", "reason"]))
            for name in telling {
                let result = try Command.run([Machine.agent, "--external-label=\(name)=x"])
                #expect(result.status == 64, "\(name)")
            }
        }
    }
}
