import Foundation
import Testing

extension SystemTests {
    /// What the agent finds out about real processes by looking at them.
    @Suite struct Facts {
        private static let unit = "/system.slice/facts-\(UInt16.random(in: .min ... .max))"

        private func types(_ page: Page, _ unit: String) -> Set<String> {
            Set(
                page.all("container_application_type", ["container_id": unit]).compactMap {
                    $0.labels["application_type"]
                })
        }

        @Test func applicationTypes() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let redis = scratch.file("redis-server")
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: redis)
            // Older than the agent.
            let old = try Cgroup(making: Self.unit + "-old.service", in: scratch)
            _ = try old.start(["python3", "-c", "import time; time.sleep(1000)"], in: scratch)
            let agent = try AgentProcess(in: scratch)
            let cgroup = try Cgroup(making: Self.unit + ".service", in: scratch)
            let prometheus = try cgroup.start(
                [
                    "prometheus", "--config.file=/dev/null", "--storage.tsdb.path=" + scratch.file("data"),
                    "--web.listen-address=127.0.0.1:\(try Machine.freePort())",
                ], in: scratch)
            let shell = try cgroup.start(["/bin/sh", "-c", "sleep 3; exec \(redis) 1000"], in: scratch)
            // By its name and, a Go program, by its executable.
            try agent.page(within: 5, "prometheus and golang") {
                types($0, cgroup.path) == ["prometheus", "golang"] && types($0, old.path) == ["python"]
            }
            try agent.page(within: 8, "what the shell executed") { types($0, cgroup.path).contains("redis") }
            shell.stop()
            try agent.page(within: 3, "redis gone with its process") {
                types($0, cgroup.path) == ["prometheus", "golang"]
            }
            prometheus.stop()
            try agent.page(within: 3, "no type without a process") { types($0, cgroup.path).isEmpty }
        }

        @Test func optOuts() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let cgroup = try Cgroup(making: Self.unit + "-opt.service", in: scratch)
            let other = try Cgroup(making: Self.unit + "-in.service", in: scratch)
            _ = try other.start(["/bin/sleep", "1000"], in: scratch)
            let process = try cgroup.start(
                ["/bin/sleep", "1000"], in: scratch,
                environment: ["COROOT_LOG_MONITORING": "disabled", "COROOT_EBPF_TRACES": "disabled"])
            func signals(_ page: Page, _ unit: String) -> Set<String> {
                Set(page.all("martlet_container_opted_out", ["container_id": unit]).compactMap { $0.labels["signal"] })
            }
            let page = try agent.page(within: 5, "two opt-outs") { signals($0, cgroup.path) == ["logs", "traces"] }
            #expect(signals(page, other.path).isEmpty)
            process.stop()
            try agent.page(within: 3, "no opt-out without a process") { signals($0, cgroup.path).isEmpty }
        }

        /// Many processes at once are looked at one by one, and none is lost.
        @Test func manyProcesses() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let cgroup = try Cgroup(making: Self.unit + "-many.service", in: scratch)
            let process = try cgroup.start(
                ["/bin/sh", "-c", "i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i + 1)); done; wait"], in: scratch,
                environment: ["COROOT_EBPF_PROFILING": "disabled"])
            let page = try agent.page(within: 10, "all processes looked at") {
                $0.value("martlet_container_processes", of: cgroup.path) == 301
                    && $0.value("martlet_queue_depth", ["queue": "inspections"]) == 0
                    && $0.value("martlet_container_opted_out", of: cgroup.path) == 1
            }
            #expect(page.value("martlet_dropped_total", ["reason": "inspections_full"]) == nil)
            process.stop()
        }
    }
}
