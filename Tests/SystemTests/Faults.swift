import Foundation
import Testing

extension SystemTests {
    /// Bad input: the agent says what is wrong and ends, or goes on and counts the fault.
    @Suite struct Faults {
        @Test func withoutRoot() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let binary = scratch.file("martlet-node")
            try FileManager.default.copyItem(atPath: Machine.agent, toPath: binary)
            try Command.check(["chmod", "755", binary])
            let result = try Command.run(
                [
                    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                    "--bounding-set=-all",
                    binary, "--listen", "127.0.0.1:\(Machine.freePort())",
                ], seconds: 10)
            #expect(result.status == 77)
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            #expect(result.output.isEmpty)
            #expect(result.errors.contains("CAP_"))
        }

        /// Root in name only: what is missing is named.
        @Test(arguments: ["sys_admin", "bpf", "perfmon", "sys_ptrace"])
        func withoutCapability(name: String) throws {
            // CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, so it has to go with each of them.
            let removed = Set([name, "sys_admin"] + (name == "sys_admin" ? ["bpf"] : [])).map { "-" + $0 }.joined(
                separator: ",")
            let result = try Command.run(
                [
                    "setpriv", "--inh-caps=" + removed, "--bounding-set=" + removed, Machine.agent, "--listen",
                    "127.0.0.1:\(Machine.freePort())",
                ], seconds: 10)
            #expect(result.status == 77, "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            #expect(result.errors.contains("CAP_"))
        }

        /// CAP_SYS_RESOURCE is not needed.
        @Test func withoutSysResource() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(
                in: scratch, launcher: ["setpriv", "--inh-caps=-sys_resource", "--bounding-set=-sys_resource"])
            #expect(try !agent.page().samples.isEmpty)
        }

        /// Wrong usage ends with 64 and one line that names the option.
        @Test(arguments: [
            (["--no-such-option"], "--no-such-option"),
            (["--min-container-age=soon"], "--min-container-age"),
            (["--scrape-interval=15"], "--scrape-interval"),
            (["--track-public-network=10.0.0.0/99"], "--track-public-network"),
            (["--track-public-network=300.1.1.1/8"], "--track-public-network"),
            (["--container-allowlist=("], "--container-allowlist"),
            (["--container-denylist=[a-"], "--container-denylist"),
            (["--ephemeral-port-range=60999-32768"], "--ephemeral-port-range"),
            (["--ephemeral-port-range=1-99999"], "--ephemeral-port-range"),
            (["--listen=nowhere"], "--listen"),
            (["--metrics-endpoint=not a url"], "--metrics-endpoint"),
            (["--config=/nonexistent/martlet.yaml"], "--config"),
            (["--ca-file=/nonexistent/ca.pem"], "--ca-file"),
        ])
        func wrongUsage(arguments: [String], option: String) throws {
            let result = try Command.run([Machine.agent] + arguments, seconds: 10)
            #expect(result.status == 64, "\(result.errors)")
            #expect(result.errors.contains(option), "\(result.errors)")
            #expect(result.output.isEmpty)
        }

        @Test func wrongEnvironment() throws {
            let result = try Command.run([Machine.agent], environment: ["MIN_CONTAINER_AGE": "soon"], seconds: 10)
            #expect(result.status == 64)
            #expect(
                result.errors.uppercased().replacing("-", with: "_").contains("MIN_CONTAINER_AGE"), "\(result.errors)")
        }

        @Test(arguments: ["a: [", "no-such-option: 1", "min-container-age: soon", "- a\n- b", "a: &a [*a]"])
        func wrongConfigurationFile(text: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write(text, to: "martlet.yaml")
            let result = try Command.run([Machine.agent, "--config", file], seconds: 10)
            #expect(result.status == 64, "\(result.errors)")
            #expect(result.errors.contains(file) || result.errors.contains("min-container-age"), "\(result.errors)")
        }

        @Test func portInUse() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            let result = try Command.run([Machine.agent, "--listen=127.0.0.1:\(port)"], seconds: 10)
            #expect(result.status != 0 && result.status != 137)
            #expect(result.errors.contains("127.0.0.1:\(port)"), "\(result.errors)")
        }

        /// A runtime's socket that hangs, resets or answers garbage delays no other container.
        @Test(
            .enabled(if: !FileManager.default.fileExists(atPath: "/run/docker.sock"), "Docker runs on this machine"),
            arguments: ["hang", "reset", "garbage"])
        func faultyRuntimeSocket(how: String) throws {
            let socket = "/run/docker.sock"
            let scratch = try Scratch()
            defer { scratch.remove() }
            scratch.atEnd { unlink(socket) }
            let daemon = try ChildProcess(["python3", Machine.helpers + "/faulty_socket.py", socket, how], in: scratch)
            try daemon.expect("ready")
            let agent = try AgentProcess(in: scratch)
            // Nothing on disk says what these are: only the socket could.
            for _ in 0..<5 {
                _ = try RuncContainer(cgroup: "/docker/" + Machine.containerID(), ["/workload", "sleep"], in: scratch)
            }
            let pod = "beside-\(how)"
            _ = try RuncContainer(pod: pod, ["/workload", "sleep"], in: scratch)
            try agent.page(within: 2, "the other container") {
                $0.value("container_resources_cpu_usage_seconds_total", of: "/k8s/\(Machine.namespace)/\(pod)/main")
                    != nil
            }
            sleep(3)
            #expect(try agent.complaints() == "")
            #expect(try agent.page().value("martlet_faults_total") ?? 0 > 0)
            let end = agent.terminate()
            #expect(end.status == 0)
            #expect(end.seconds < 2)
        }

        /// Cgroups that are gone before, or while, the agent reads them.
        @Test func vanishingCgroups() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let kept = try Cgroup(making: "/system.slice/kept.service", in: scratch)
            _ = try kept.start([Workload.path(), "sleep"], in: scratch)
            let number = UInt16.random(in: .min ... .max)
            for round in 0..<60 {
                let cgroup = try Cgroup(making: "/system.slice/gone-\(number)-\(round).service", in: scratch)
                _ = try cgroup.start([Workload.path(), "burn", "1"], in: scratch)
                if round % 3 == 0 { usleep(20_000) }
                cgroup.remove()
                if round % 5 == 0 { _ = try agent.page() }
            }
            #expect(try agent.complaints() == "")
            try agent.page(within: 3, "the kept unit") { $0.containers.contains("/system.slice/kept.service") }
            #expect(agent.process.poll() == nil)
        }

        /// Names of processes and of cgroups are bytes that anybody may choose.
        @Test func hostileNames() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let unit = "/system.slice/a\"b\\c\u{1B}[2Jd{e}=\u{301}.service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            // Newline, quotes, backslash, invalid UTF-8, terminal escape.
            for name in ["220a27225c0a", "fffe80c0af", "1b5b324a1b5d", "7d207b3d22", "e28280e2"] {
                let child = try cgroup.start([Workload.path(), "name", name], in: scratch)
                try child.expect("ready")
            }
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            _ = try cgroup.start([Workload.path(), "hold", "1", "127.0.0.1", "\(port)"], in: scratch)
            _ = try RuncContainer(
                pod: "evil\n# TYPE x counter\nx 1", namespace: "a\"} 1\n", container: "\\", image: "\u{0}\u{301}\"",
                ["/workload", "sleep"], in: scratch)
            sleep(2)
            #expect(try agent.complaints() == "")
            let page = try agent.page()
            #expect(!page.samples.contains { $0.name == "x" })
            #expect(
                page.samples.allSatisfy {
                    $0.name.hasPrefix("node_") || $0.name.hasPrefix("container_") || $0.name.hasPrefix("martlet_")
                })
            #expect(agent.process.poll() == nil)
        }

        /// Ten thousand listening ports in one container: all reported, or the rest counted as dropped.
        @Test func manyListeningPorts() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let unit = "/system.slice/many-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            let child = try cgroup.start([Workload.path(), "listen", "12000", "10000", "127.0.0.77"], in: scratch)
            try child.expect("ready", within: 30)
            sleep(3)
            let page = try agent.page()
            let open = page.all("container_net_tcp_listen_info", ["container_id": unit]).filter { $0.value == 1 }
            let dropped = (page.value("martlet_dropped_total") ?? 0) + (page.value("martlet_events_lost_total") ?? 0)
            #expect(Double(open.count) + dropped >= 10_000, "\(open.count) reported, \(dropped) dropped")
            #expect(!open.isEmpty)
            #expect(try agent.complaints() == "")
            child.stop()
            sleep(2)
            let later = try agent.page().all("container_net_tcp_listen_info", ["container_id": unit]).filter {
                $0.value == 1
            }
            #expect(later.isEmpty)
            #expect(agent.process.poll() == nil)
        }

        /// A label value of more than 4 KiB is cut, and counted.
        @Test func longLabelValues() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let image = "registry.test/" + String(repeating: "ä", count: 5000) + ":1"
            _ = try RuncContainer(pod: "long-0", image: image, ["/workload", "sleep"], in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/long-0/main"
            let page = try agent.page(within: 3, "the container") { $0.containers.contains(identifier) }
            #expect(page.samples.allSatisfy { $0.labels.values.allSatisfy { $0.utf8.count <= 4096 } })
            #expect(page.value("martlet_faults_total", ["kind": "label_value_too_long"]) ?? 0 > 0)
            #expect(try agent.complaints() == "")
        }

        /// A bundle's file that ends early, or nests without end.
        @Test(arguments: ["cut", "deep"])
        func brokenBundle(how: String) throws {
            let text =
                how == "cut"
                ? "{\"annotations\": {\"io.kubernetes.cri.container-name\"" : String(repeating: "[", count: 200_000)
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            // What a shim is to the agent: the parent of the container's process, with the bundle as its folder.
            let bundle = try scratch.folder("bundle")
            try scratch.write(text, to: "bundle/config.json")
            let path = "/kubepods/besteffort/podx/" + Machine.containerID()
            let cgroup = try Cgroup(making: path, in: scratch)
            _ = try ChildProcess(
                [
                    "/bin/sh", "-c",
                    "\(Workload.path()) sleep & for root in $ROOTS; do echo $! > $root\(path)/cgroup.procs; done; wait $!",
                ], in: scratch, environment: ["ROOTS": Cgroup.hierarchies.joined(separator: " ")], directory: bundle)
            _ = try RuncContainer(pod: "sound-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 2, "the sound container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/sound-0/main")
            }
            #expect(agent.process.poll() == nil)
            cgroup.remove()
        }

        /// A collector that refuses, fails or never answers is counted and harms nothing.
        @Test(arguments: [400, 500])
        func failingCollector(status: Int) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            let receiver = try ChildProcess(
                ["python3", "-u", Machine.helpers + "/receiver.py", "\(port)", "\(status)"], in: scratch)
            try receiver.expect("ready")
            let agent = try AgentProcess(
                ["--metrics-endpoint=http://127.0.0.1:\(port)/write", "--scrape-interval=1s"], in: scratch)
            try agent.page(within: 10, "a failed request") {
                $0.all("martlet_remote_write_requests_total").contains {
                    $0.labels["result"] != "success" && $0.value > 0
                }
            }
            #expect(agent.terminate().status == 0)
        }
    }
}
