import Foundation
import Testing

extension SystemTests {
    /// Start, page, end.
    @Suite struct Lifecycle {
        @Test func pageIsAcceptedByPromtool() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            _ = try RuncContainer(pod: "page-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 3, "the container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/page-0/main")
            }
            #expect(try agent.complaints() == "")
        }

        @Test func contentNegotiation() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            func headers(_ options: [String]) throws -> String {
                try Command.check(
                    ["curl", "-sS", "-o", "/dev/null", "-D", "-", "http://\(agent.address)/metrics"] + options
                )
                .lowercased()
            }
            #expect(try headers([]).contains("content-type: text/plain; version=0.0.4"))
            #expect(
                try headers(["-H", "Accept: application/openmetrics-text; version=1.0.0"])
                    .contains("content-type: application/openmetrics-text; version=1.0.0"))
            let openMetrics = try agent.get(
                "/metrics", headers: ["Accept: application/openmetrics-text; version=1.0.0"])
            #expect(openMetrics.hasSuffix("# EOF"))
            for (encoding, tool) in [("gzip", "gzip"), ("zstd", "zstd")] {
                #expect(try headers(["-H", "Accept-Encoding: \(encoding)"]).contains("content-encoding: \(encoding)"))
                let text = try Command.check([
                    "/bin/sh", "-c",
                    "curl -sS -H 'Accept-Encoding: \(encoding)' http://\(agent.address)/metrics | \(tool) -dc",
                ])
                #expect(try !Page(text).samples.isEmpty)
            }
        }

        @Test func healthAndUnknownPaths() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            func status(_ path: String, _ options: [String] = []) throws -> String {
                try Command.check(
                    ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://\(agent.address)\(path)"] + options
                )
            }
            #expect(try status("/healthz") == "200")
            #expect(try status("/readyz") == "200")
            #expect(try status("/metrics") == "200")
            #expect(try status("/nothing") == "404")
            #expect(try status("/metrics", ["-X", "DELETE"]) == "405")
        }

        /// Every feature is reported as on or off.
        @Test func featuresAreReported() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let features = try agent.page().all("martlet_feature_enabled")
            #expect(!features.isEmpty)
            #expect(features.allSatisfy { $0.labels["feature"]?.isEmpty == false && ($0.value == 0 || $0.value == 1) })
        }

        @Test func sigterm() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            _ = try RuncContainer(pod: "end-0", ["/workload", "sleep"], in: scratch)
            usleep(1_000_000)
            let end = agent.terminate()
            #expect(end.status == 0, "\(agent.process.errors.suffix(1000))")
            #expect(end.seconds < 2)
        }

        @Test func interrupt() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            agent.process.signal(SIGINT)
            #expect(agent.process.wait(seconds: 2) == 0, "\(agent.process.errors.suffix(1000))")
        }

        /// While it pushes to a server that never answers, it still ends in time.
        @Test func sigtermWhileThePushHangs() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            let agent = try AgentProcess(
                [
                    "--metrics-endpoint=http://127.0.0.1:\(port)/write", "--scrape-interval=1s",
                    "--shutdown-timeout=1s",
                ], in: scratch)
            sleep(2)
            let end = agent.terminate()
            #expect(end.status == 0, "\(agent.process.errors.suffix(1000))")
            #expect(end.seconds < 2)
        }

        /// kill -9 leaves no program, map, link, pinned file or temporary file.
        @Test func killLeavesNothing() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let pinned = try Command.check(["find", "/sys/fs/bpf"])
            let agent = try AgentProcess(in: scratch)
            let temporary = Set(try FileManager.default.contentsOfDirectory(atPath: "/tmp"))
            let kinds = ["prog", "map", "link"]
            let before = try kinds.map { try Self.objects($0, of: agent.process.pid) }
            #expect(!before[1].isEmpty)
            #expect(!before[2].isEmpty)
            agent.process.signal(SIGKILL)
            #expect(agent.process.wait(seconds: 5) == 137)
            for (kind, identifiers) in zip(kinds, before) {
                // The kernel frees programs after a grace period.
                var left: Set<Int> = []
                let gone = try soon(within: 10, every: 0.2) {
                    left = try Self.objects(kind).intersection(identifiers)
                    return left.isEmpty
                }
                #expect(gone, "\(kind)s left: \(left)")
            }
            #expect(try Command.check(["find", "/sys/fs/bpf"]) == pinned)
            let files = Set(try FileManager.default.contentsOfDirectory(atPath: "/tmp")).subtracting(temporary)
            #expect(files.filter { $0.contains("martlet-node") }.isEmpty)
        }

        /// `check` says what this kernel allows, with a reason for each no, and that the core can run.
        @Test func check() throws {
            let result = try Command.run([Machine.agent, "check"])
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            #expect(!result.output.isEmpty)
        }

        /// The live view, once: of a running agent, and by itself.
        @Test func top() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            _ = try RuncContainer(pod: "seen-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 3, "the container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/seen-0/main")
            }
            let attached = try Command.run([Machine.agent, "top", "--once", "--url", "http://\(agent.address)/metrics"])
            #expect(attached.status == 0, "\(attached.errors)")
            #expect(attached.output.contains("/k8s/\(Machine.namespace)/seen-0/main"))
            _ = agent.terminate()
            let alone = try Command.run([Machine.agent, "top", "--once"], environment: ["MIN_CONTAINER_AGE": "0s"])
            #expect(alone.status == 0, "\(alone.errors)")
            #expect(alone.output.contains("/k8s/\(Machine.namespace)/seen-0/main"), "\(alone.output)")
        }

        @Test func topWithoutAnAgentThere() throws {
            let port = try Machine.freePort()
            let result = try Command.run([Machine.agent, "top", "--once", "--url", "http://127.0.0.1:\(port)/metrics"])
            #expect(result.status != 0 && result.status != 137)
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }

        @Test func helpAndVersion() throws {
            for option in ["--help", "--version"] {
                let result = try Command.run([Machine.agent, option])
                #expect(result.status == 0)
                #expect(!result.output.isEmpty)
            }
            let help = try Command.run([Machine.agent, "--help"]).output
            for group in ["Listening", "Containers", "Network", "Push", "Requests", "Traces", "Logging"] {
                #expect(help.uppercased().contains(group.uppercased()), "no group \(group)")
            }
        }

        /// A configuration file; flags and the environment come before it.
        @Test func precedence() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write(
                """
                min-container-age: 1h
                container-denylist:
                  - ^/k8s/\(Machine.namespace)/denied
                """, to: "martlet.yaml")
            // The harness gives --min-container-age=0s as a flag: it wins over the file.
            let agent = try AgentProcess(["--config", file], in: scratch)
            _ = try RuncContainer(pod: "denied-0", ["/workload", "sleep"], in: scratch)
            _ = try RuncContainer(pod: "plain-0", ["/workload", "sleep"], in: scratch)
            let page = try agent.page(within: 3, "the container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/plain-0/main")
            }
            #expect(!page.containers.contains("/k8s/\(Machine.namespace)/denied-0/main"))
            #expect(agent.terminate().status == 0)

            let other = try AgentProcess(
                ["--config", file], in: scratch, environment: ["CONTAINER_DENYLIST": "^/k8s/\(Machine.namespace)/plain"]
            )
            let second = try other.page(within: 5, "the container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/denied-0/main")
            }
            #expect(!second.containers.contains("/k8s/\(Machine.namespace)/plain-0/main"))
        }

        /// Identifiers of all BPF objects of a kind (`prog`, `map`, `link`) in the kernel.
        private static func objects(_ kind: String) throws -> Set<Int> {
            struct Object: Decodable { let id: Int }
            let text = try Command.check(["bpftool", "-j", kind, "list"])
            // Nothing at all is printed as nothing.
            return text.isEmpty ? [] : Set(try JSONDecoder().decode([Object].self, from: Data(text.utf8)).map(\.id))
        }

        /// Identifiers of the BPF objects of a kind to which a process holds descriptors.
        private static func objects(_ kind: String, of pid: pid_t) throws -> Set<Int> {
            let folder = "/proc/\(pid)/fdinfo"
            var found: Set<Int> = []
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                guard let data = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
                for line in String(decoding: data, as: UTF8.self).split(separator: "\n")
                where line.hasPrefix(kind + "_id:") {
                    if let number = line.split(whereSeparator: \.isWhitespace).last.flatMap({ Int($0) }) {
                        found.insert(number)
                    }
                }
            }
            return found
        }
    }
}
