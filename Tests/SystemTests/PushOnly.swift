import Foundation
import Testing

extension SystemTests {
    /// Nothing but pushing.
    @Suite struct PushOnly {
        /// Local addresses of the sockets that listen in a process' network namespace, and Unix sockets of its own that do.
        private func listening(_ pid: pid_t) throws -> [String] {
            var found: [String] = []
            // Until nsenter has entered it, the process is in ours.
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
            guard try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net") != own else {
                return []
            }
            for table in ["tcp", "tcp6"] {
                let text = try String(contentsOfFile: "/proc/\(pid)/net/\(table)", encoding: .utf8)
                for line in text.split(separator: "\n").dropFirst() {
                    let fields = line.split(separator: " ")
                    if fields.count > 3, fields[3] == "0A" { found.append(String(fields[1])) }
                }
            }
            let folder = "/proc/\(pid)/fd"
            let links = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
            }
            let unix = try String(contentsOfFile: "/proc/\(pid)/net/unix", encoding: .utf8)
            for line in unix.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                // __SO_ACCEPTCON
                if fields.count > 6, fields[3] == "00010000", links.contains("socket:[\(fields[6])]") {
                    found.append(String(line))
                }
            }
            return found
        }

        /// In a network namespace of its own, nothing listens while the agent runs, and health and its own figures arrive.
        @Test func nothingListens() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let network = try NetworkNamespace(in: scratch)
            let prometheus = try Prometheus(in: scratch, host: network.hostAddress)
            func start(_ more: [String]) throws -> ChildProcess {
                try ChildProcess(
                    ["nsenter", "--net=\(network.path)", Machine.agent, "--scrape-interval=1s"] + more, in: scratch)
            }
            let agent = try start([
                "--metrics-endpoint=http://user:password@\(prometheus.address)/api/v1/write?key=value",
                "--wal-dir=\(scratch.file("wal"))",
            ])
            var seen: Set<String> = []
            let arrived = try soon(within: 60) {
                seen.formUnion(try listening(agent.pid))
                return try prometheus.query("martlet_push_snapshots_total").first?.value ?? 0 >= 3
            }
            #expect(arrived, "\(agent.errors.suffix(1000))")
            #expect(seen.isEmpty)
            for name in ["up", "node_agent_info", "martlet_series", "martlet_process_resident_bytes"] {
                #expect(try prometheus.query(name).count == 1, "\(name)")
            }
            #expect(
                agent.errors.contains("listens nowhere, pushes to http://\(prometheus.address)/api/v1/write?… ("),
                "\(agent.errors)")
            #expect(!agent.errors.contains("password") && !agent.errors.contains("key=value"))
            agent.signal(SIGTERM)
            #expect(agent.wait(seconds: 10) == 0)

            // The same question finds the page of one that is asked for.
            let other = try start(["--listen=127.0.0.1:10300"])
            #expect(try soon(within: 20) { try !listening(other.pid).isEmpty })
            other.stop()
        }

        /// A receiver that takes connections and never answers: the agent ends in time, and what it had is sent by the next.
        @Test func endsInTimeAndKeepsTheRest() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            let silent = try ChildProcess(
                [
                    "python3", "-c",
                    """
                    import socket
                    listener = socket.create_server(("127.0.0.1", \(port)))
                    print("ready", flush=True)
                    peers = []
                    while True: peers.append(listener.accept())
                    """,
                ], in: scratch)
            try silent.expect("ready")
            let arguments = [
                "--metrics-endpoint=http://127.0.0.1:\(port)/api/v1/write", "--scrape-interval=1s",
                "--shutdown-timeout=1s",
            ]
            let first = try AgentProcess(arguments, in: scratch)
            let page = try first.page(within: 60, "three snapshots") {
                $0.value("martlet_push_snapshots_total") ?? 0 >= 3
            }
            let (status, seconds) = first.terminate()
            #expect(status == 0)
            #expect(seconds >= 0.9 && seconds < 4, "\(seconds) s")
            silent.stop()
            let taken = page.value("martlet_push_snapshots_total") ?? .infinity
            let prometheus = try Prometheus(in: scratch, port: port)
            let second = try AgentProcess(arguments, in: scratch)
            let later = try second.page(within: 30, "an empty spool") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
                    && $0.value("martlet_push_snapshots_total") ?? 0 >= 2
            }
            #expect(later.value("martlet_remote_write_samples_total", ["result": "dropped"]) == 0)
            // One more at the end of the first.
            let count = try prometheus.query("count_over_time(up[10m])").first?.value ?? 0
            #expect(count >= taken + 1 + (later.value("martlet_push_snapshots_total") ?? 0) - 1, "\(count) \(taken)")
        }

        /// A proxy from the environment: a real one, with a password.
        @Test func goesThroughAProxy() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let network = try NetworkNamespace(in: scratch)
            let prometheus = try Prometheus(in: scratch, host: network.hostAddress)
            let port = try Machine.freePort()
            let configuration = try scratch.write(
                """
                Port \(port)
                Listen 127.0.0.1
                Timeout 60
                LogFile "\(scratch.file("proxy.log"))"
                LogLevel Connect
                BasicAuth agent secret

                """, to: "proxy.conf")
            _ = try ChildProcess(["tinyproxy", "-d", "-c", configuration], in: scratch)
            let agent = try AgentProcess(
                ["--metrics-endpoint=\(prometheus.writeURL)", "--scrape-interval=1s"], in: scratch,
                environment: ["http_proxy": "http://agent:secret@127.0.0.1:\(port)"])
            try agent.page(within: 60, "two requests through the proxy") {
                $0.value("martlet_remote_write_requests_total", ["result": "sent"]) ?? 0 >= 2
            }
            let words = try String(contentsOfFile: scratch.file("proxy.log"), encoding: .utf8)
            #expect(words.contains("POST \(prometheus.writeURL)"))
            #expect(try prometheus.query("up").count == 1)
        }

        /// One line, what to do, exit code 64, and no secret.
        @Test(arguments: [
            (
                ["--metrics-endpoint=prometheus:9090/write"], [:],
                "--metrics-endpoint: \"prometheus:9090/write\" is not a URL"
            ),
            (["--metrics-endpoint=http://u:hunter2@a:b/"], [:], "--metrics-endpoint: \"http://…@a:b/\" is not a URL"),
            (["--ca-file=/etc/hostname"], [:], "--ca-file: \"/etc/hostname\" holds no certificate in PEM form"),
            (["--client-cert=/etc/hostname"], [:], "--client-cert: \"/etc/hostname\" holds no certificate in PEM form"),
            (["--client-key=/etc/hostname"], [:], "--client-key: \"/etc/hostname\" holds no private key in PEM form"),
            (["--bearer-token-file=/nowhere"], [:], "--bearer-token-file: cannot use \"/nowhere\": No such file"),
            (["--header=hunter2"], [:], "--header: a header has no = after its name"),
            (["--header=a b=hunter2"], [:], "--header: \"a b\" is not the name of a header"),
            (["--metrics-protocol=grpc"], [:], "\"grpc\" is none of remote-write, remote-write-2, otlp"),
            (["--metrics-compression=gzip"], [:], "--metrics-compression: remote-write knows no gzip"),
            (
                ["--metrics-endpoint=http://a/"], ["http_proxy": "socks5://u:hunter2@p:1"],
                "the proxy in the environment variable http_proxy: only proxies that speak http or https can be used"
            ),
        ])
        func wrongSettings(arguments: [String], environment: [String: String], words: String) throws {
            let result = try Command.run([Machine.agent] + arguments, environment: environment, seconds: 10)
            #expect(result.status == 64)
            #expect(result.errors.contains(words), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1)
            #expect(!result.errors.contains("hunter2"))
        }
    }
}
