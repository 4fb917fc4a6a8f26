import Foundation
import Testing

extension SystemTests {
    /// What docs/privileges.md promises: so little is kept, and everything counts all the same.
    @Suite struct LeastPrivilege {
        /// An agent that gave up what it could, beside one that kept everything: the same values for what starts afterwards.
        @Test(arguments: [["--drop-privileges"], ["--run-as", "nobody", "--seccomp"]])
        func everythingCounts(_ arguments: [String]) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let network = try NetworkNamespace(in: scratch)
            let olderPort = try Machine.freePort()
            let older = "older-\(UInt16.random(in: .min ... .max))"
            _ = try RuncContainer(
                pod: older, network: network.path, ["/workload", "sink", network.insideAddress, "\(olderPort)", "0"],
                in: scratch)
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, reply: 77, in: scratch)
            sleep(1)

            let whole = try AgentProcess(["--gc-interval", "4s"], in: scratch)
            let least = try AgentProcess(["--gc-interval", "4s"] + arguments, in: scratch)
            try expectMinimum(least, arguments)

            let pod = "least-\(UInt16.random(in: .min ... .max))"
            let container = try RuncContainer(
                pod: pod, image: "registry.test/shop:2", memory: 64 << 20, cores: 0.5,
                [
                    "/bin/sh", "-c",
                    "/workload connect 100 127.0.0.1 \(port) && /workload send 123456 127.0.0.1 \(port) && "
                        + "/workload refused 20 127.0.0.1 1 && exec /workload burn 400",
                ], in: scratch)
            let unit = "/system.slice/least-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            let first = try cgroup.start([Workload.path(), "sleep"], in: scratch)
            usleep(1_000_000)
            first.signal(SIGKILL)
            _ = first.wait(seconds: 5)
            usleep(200_000)
            let second = try cgroup.start([Workload.path(), "hold", "3", "127.0.0.1", "\(port)"], in: scratch)

            let id = "/k8s/\(Machine.namespace)/\(pod)/main"
            let exact: [(String, String, Double)] = [
                ("container_net_tcp_successful_connects_total", id, 101),
                ("container_net_tcp_failed_connects_total", id, 20),
                ("container_net_tcp_bytes_sent_total", id, 123_456),
                ("container_net_tcp_bytes_received_total", id, 101 * 77),
                ("container_resources_memory_limit_bytes", id, Double(64 << 20)),
                ("container_resources_cpu_limit_cores", id, 0.5),
                ("container_restarts_total", unit, 1),
                ("container_net_tcp_active_connections", unit, 3),
                ("container_net_tcp_bytes_sent_total", unit, 3000),
                ("martlet_container_processes", unit, 1),
                ("container_net_tcp_listen_info", "/k8s/\(Machine.namespace)/\(older)/main", 1),
            ]
            for agent in [whole, least] {
                for (name, of, value) in exact {
                    try agent.page(within: 15, "\(name) of \(of) is \(value)") { $0.value(name, of: of) == value }
                }
                let page = try agent.page(within: 10, "CPU and memory") {
                    $0.value("container_resources_cpu_usage_seconds_total", of: id) ?? 0 >= 0.4
                        && $0.value("container_resources_memory_rss_bytes", of: id) ?? 0 > 0
                }
                #expect(page.value("container_info", of: id, ["image": "registry.test/shop:2"]) == 1)
                #expect(page.losses == 0)
            }
            let names = { (page: Page) in
                Set(page.samples.filter { $0.container == id }.map { "\($0.name) \($0.labels.keys.sorted())" })
            }
            // Some are measured only every fifteen seconds, each agent in its own rhythm.
            var difference: Set<String> = []
            let isSame = try soon(within: 40, every: 1) {
                difference = names(try whole.page()).symmetricDifference(names(try least.page()))
                return difference.isEmpty
            }
            #expect(isSame, "\(difference)")
            let features = { (page: Page) in
                page.all("martlet_feature_enabled").map { "\($0.labels["feature"] ?? "") \($0.value)" }.sorted()
            }
            #expect(features(try whole.page()) == features(try least.page()))

            // What ends is collected.
            container.stop()
            second.stop()
            for agent in [whole, least] {
                try agent.page(within: 20, "\(pod) is gone") { !$0.containers.contains(id) }
            }
            try expectMinimum(least, arguments)
            #expect(least.terminate().status == 0)
        }

        /// Without any capability the rest goes on: counts, but neither names of containers nor what is inside of others'
        /// network namespaces. Said once in the log and on the page.
        @Test func nothingKept() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            let agent = try AgentProcess(["--run-as", "nobody", "--keep-capabilities", "none"], in: scratch)
            try expect(agent, mask: 0, user: 65534)
            let unit = "/system.slice/none-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            let child = try cgroup.start([Workload.path(), "connect", "50", "127.0.0.1", "\(port)"], in: scratch)
            try child.expect("done")
            let page = try agent.page(within: 10, "50 connections") {
                $0.value("container_net_tcp_successful_connects_total", of: unit) == 50
            }
            for feature in ["container_metadata", "network_namespaces"] {
                #expect(page.value("martlet_feature_enabled", ["feature": feature]) == 0)
                #expect(agent.process.errors.components(separatedBy: "warning \(feature) is off: ").count == 2)
            }
            #expect(page.value("martlet_feature_enabled", ["feature": "tcp"]) == 1)
        }

        /// The filter refuses what it must, and the agent's own work passes it.
        @Test func filterRefuses() throws {
            let result = try Command.run([Machine.agent, "check", "--seccomp"])
            #expect(result.status == 0, "\(result.output)")
            for call in ["execve", "ptrace", "mount", "init_module", "process_vm_writev", "chroot"] {
                let pattern = "(?m)^\(call) +yes +Operation not permitted$"
                #expect(result.output.range(of: pattern, options: .regularExpression) != nil, "\(result.output)")
            }
            #expect(try Command.run([Machine.agent, "check"]).output.contains("execve") == false)
        }

        @Test func whatCannotBeDoneIsSaid() throws {
            for arguments in [["--run-as", "no-such-user"], ["--keep-capabilities", "sys_boot"]] {
                let result = try Command.run([Machine.agent] + arguments)
                #expect(result.status == 64)
                #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            }
        }

        private func expectMinimum(_ agent: AgentProcess, _ arguments: [String]) throws {
            let bits = [
                "CAP_DAC_READ_SEARCH": 2, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_PTRACE": 19,
                "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39,
            ]
            let document = try String(contentsOfFile: Machine.helpers + "/../../../docs/privileges.md", encoding: .utf8)
            let line = try #require(
                document.split(separator: "\n").first { $0.contains("`--drop-privileges` keeps: ") })
            var mask: UInt64 = 0
            for name in line.split(whereSeparator: { !$0.isLetter && $0 != "_" }) where name.hasPrefix("CAP_") {
                mask |= 1 << UInt64(try #require(bits[String(name)]))
            }
            #expect(mask != 0)
            try expect(
                agent, mask: mask, user: arguments.contains("nobody") ? 65534 : 0,
                isFiltered: arguments.contains("--seccomp"))
        }

        /// Every thread of the agent has exactly these privileges.
        private func expect(_ agent: AgentProcess, mask: UInt64, user: Int, isFiltered: Bool = false) throws {
            let tasks = "/proc/\(agent.process.pid)/task"
            let threads = try FileManager.default.contentsOfDirectory(atPath: tasks)
            #expect(threads.count > 3)
            for path in threads.map({ "\(tasks)/\($0)/status" }) + ["/proc/\(agent.process.pid)/status"] {
                // A thread may have ended.
                guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
                var fields: [String: String] = [:]
                for line in text.split(separator: "\n") {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    if parts.count == 2 { fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
                }
                let kept = String(format: "%016llx", mask)
                let none = String(repeating: "0", count: 16)
                #expect(fields["CapPrm"] == kept && fields["CapEff"] == kept, "\(path): \(text)")
                for name in ["CapInh", "CapBnd", "CapAmb"] { #expect(fields[name] == none, "\(name) of \(path)") }
                #expect(fields["NoNewPrivs"] == "1")
                #expect(fields["Seccomp"] == (isFiltered ? "2" : "0"))
                #expect(fields["Uid"] == "\(user)\t\(user)\t\(user)\t\(user)")
            }
        }
    }
}
