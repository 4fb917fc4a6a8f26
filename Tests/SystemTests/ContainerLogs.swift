import Foundation
import Testing

extension SystemTests {
    /// What real runtimes write, counted message by message.
    @Suite struct ContainerLogs {
        /// Writes 3 errors of one pattern, 2 warnings on the other stream, 4 lines without a level and one of 40,000 bytes, which
        /// runtimes cut into parts; a line without an end comes last.
        private static let script = """
            sleep 0.3
            for i in 1 2 3; do echo "ERROR cannot reach upstream $i"; done
            echo "WARN slow disk 7" >&2; echo "WARN slow disk 8" >&2
            for i in 1 2 3 4; do echo "plain line $i"; done
            head -c 40000 /dev/zero | tr '\\0' x; echo
            exec sleep 1000
            """

        private static let command = ["/bin/sh", "-c", script]

        private func name(_ kind: String) -> String { "\(kind)-\(UInt16.random(in: .min ... .max))" }

        private func expectCounts(
            of container: String, source: String = "stdout/stderr", from agent: AgentProcess,
            within seconds: Double = 15
        ) throws {
            func count(_ page: Page, _ level: String) -> Double {
                page.value("container_log_messages_total", of: container, ["source": source, "level": level]) ?? 0
            }
            let page = try agent.page(within: seconds, "all messages of \(container)") { page in
                count(page, "error") == 3 && count(page, "warning") == 2 && count(page, "unknown") == 5
            }
            let series = page.all("container_log_messages_total", ["container_id": container])
            #expect(series.count == 3)
            let errors = series.first { $0.labels["level"] == "error" }
            #expect(errors?.labels["sample"] == "ERROR cannot reach upstream 1")
            // The digest of "ERROR cannot reach upstream", as the original makes it.
            #expect(errors?.labels["pattern_hash"] == "\(Self.hash)")
            let plain = series.first { $0.labels["level"] == "unknown" }
            #expect(plain?.labels["sample"] == "" && plain?.labels["pattern_hash"] == "")
        }

        private static let hash = "125d7a14acd31bd3a6de0b3b9b116ba3"

        @Test(arguments: ["json-file", "local"]) func docker(driver: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try DockerDaemon(in: scratch)
            let (old, new) = (name("old"), name("new"))
            try daemon.run(old, options: ["--log-driver", driver], Self.command)
            sleep(1)
            let agent = try AgentProcess(in: scratch)
            try daemon.run(new, options: ["--log-driver", driver], Self.command)
            try expectCounts(of: "/docker/" + new, from: agent)
            // What was there before the agent is not counted again at every start.
            #expect(try agent.page().all("container_log_messages_total", ["container_id": "/docker/" + old]).isEmpty)
            try daemon.docker(["exec", old, "/bin/sh", "-c", "echo 'ERROR later' > /proc/1/fd/1"])
            try agent.page(within: 10, "a message of the older container") {
                $0.value("container_log_messages_total", of: "/docker/" + old, ["level": "error"]) == 1
            }
            #expect(try agent.page().losses == 0)
        }

        @Test func optedOut() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try DockerDaemon(in: scratch)
            let agent = try AgentProcess(in: scratch)
            let (silent, loud) = (name("silent"), name("loud"))
            try daemon.run(silent, options: ["-e", "COROOT_LOG_MONITORING=disabled"], Self.command)
            try daemon.run(loud, Self.command)
            try expectCounts(of: "/docker/" + loud, from: agent)
            #expect(try agent.page().all("container_log_messages_total", ["container_id": "/docker/" + silent]).isEmpty)
        }

        /// Files that a container keeps itself, seen by its own root.
        @Test func filesOfContainers() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try DockerDaemon(in: scratch)
            let container = name("files")
            let agent = try AgentProcess(["--log-path", "/docker/files-*=/srv/*/*.out"], in: scratch)
            let script = """
                mkdir -p /var/log/app /srv/app; ln -s /etc/hostname /srv/app/link.out
                sleep 0.3; (for i in 1 2 3; do echo "ERROR of a file $i"; sleep 0.5; done; exec sleep 1000) > /var/log/app/a.log &
                echo "WARN by its path" > /srv/app/web.out
                exec sleep 1000
                """
            try daemon.run(container, ["/bin/sh", "-c", script])
            let page = try agent.page(within: 25, "messages of both files") { page in
                page.value("container_log_messages_total", of: "/docker/" + container, ["source": "/var/log/app/a.log"])
                    == 3
                    && page.value(
                        "container_log_messages_total", of: "/docker/" + container, ["source": "/srv/app/web.out"]) == 1
            }
            #expect(page.all("container_log_messages_total", ["source": "/srv/app/link.out"]).isEmpty)
        }

        @Test func podman() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let podman = try Podman(in: scratch)
            let agent = try AgentProcess(in: scratch)
            let container = name("podman")
            try podman.run(
                container, options: ["--log-driver", "k8s-file", "--log-opt", "path=\(scratch.file("podman.log"))"],
                Self.command)
            try expectCounts(of: "/podman/" + container, from: agent)
        }

        /// The kubelet's directory with what the runtime writes there: containerd writes through `--log-uri`, in the format of CRI by a
        /// program that stands for its CRI plugin.
        @Test func kubernetes() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let daemon = try ContainerdDaemon(in: scratch)
            let (pod, uid) = (name("pod"), UUID().uuidString.lowercased())
            let folder = "/var/log/pods/\(Machine.namespace)_\(pod)_\(uid)"
            try FileManager.default.createDirectory(atPath: folder + "/main", withIntermediateDirectories: true)
            scratch.atEnd { try? FileManager.default.removeItem(atPath: folder) }
            let log = folder + "/main/0.log"
            try Data().write(to: URL(fileURLWithPath: log))
            try daemon.run(
                pod: pod, namespace: Machine.namespace, container: "main", image: "registry.test/app:1", uid: uid,
                ["/workload", "sleep"])
            let container = "/k8s/\(Machine.namespace)/\(pod)/main"
            try agent.page(within: 10, "the pod") { $0.containers.contains(container) }
            var text = ""
            let time = ISO8601DateFormatter().string(from: Date.now.addingTimeInterval(1))
            for index in 1...3 { text += "\(time) stdout F ERROR cannot reach upstream \(index)\n" }
            for index in 7...8 { text += "\(time) stderr F WARN slow disk \(index)\n" }
            for index in 1...4 { text += "\(time) stdout F plain line \(index)\n" }
            let part = String(repeating: "x", count: 16_384)
            text += "\(time) stdout P \(part)\n\(time) stdout P \(part)\n\(time) stdout F xx\n"
            try text.write(toFile: log, atomically: false, encoding: .utf8)
            try expectCounts(of: container, from: agent)
        }

        /// Docker's driver `journald`, and a real journald. Lines arrive at a collector too, once and in order, though the agent is
        /// killed.
        @Test(.enabled(if: OTLPReceiver.isInstalled, "opentelemetry-proto and opentelemetry-sdk are not installed"))
        func dockerToJournal() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let journal = try JournalDaemon(in: scratch)
            let daemon = try DockerDaemon(in: scratch, launcher: journal.launcher)
            let options = ["--log-driver", "journald"]
            let collector = try LogCollector(lines: 30_000, in: scratch)
            let arguments = [
                "--journal-dir", journal.directory, "--logs-endpoint", "http://127.0.0.1:\(collector.port)/v1/logs",
            ]
            var agent = try AgentProcess(arguments, in: scratch)
            let container = name("journal")
            try daemon.run(container, options: options, Self.command)
            try expectCounts(of: "/docker/" + container, source: "journald", from: agent)

            // The last part of a long line has the mark of a part too.
            let long = "{ head -c 40000 /dev/zero | tr '\\0' y; echo; echo ERROR right behind; } > /proc/1/fd/1"
            try daemon.docker(["exec", container, "/bin/sh", "-c", long])
            try agent.page(within: 10, "a long line and one behind it") { page in
                ["unknown": 6, "error": 4].allSatisfy { level, count in
                    page.value("container_log_messages_total", of: "/docker/" + container, ["level": level]) == count
                }
            }

            let log = try NumberedLog.docker("lines", daemon, options: options)
            func arrived(within seconds: Double) throws -> LogCollector.State.Name? {
                try eventually(within: seconds, every: 0.2) {
                    try collector.state().names[log.name].flatMap { $0.distinct == log.lines ? $0 : nil }
                }
            }
            try log.write(1000)
            #expect(try arrived(within: 30) != nil)
            try log.write(20_000)
            agent.process.signal(SIGKILL)
            #expect(agent.process.wait(seconds: 10) == 137)
            try log.write(5000)
            // The entries are older now than one may become whose container is not known.
            sleep(5)
            agent = try AgentProcess(arguments, in: scratch)
            guard let lines = try arrived(within: 60) else {
                throw Failure("not \(log.lines): \(try collector.state())\n\(agent.process.errors.suffix(1000))")
            }
            #expect(lines.late == 0 && lines.attributes["log.source"] == "journald", "\(lines)")
            #expect(try lines.repeats <= collector.state().largest)
            #expect(try agent.page().value("martlet_faults_total", ["kind": "log_position_lost"]) ?? 0 == 0)
        }

        /// A container that begins while the agent is away is read from its first line all the same.
        @Test(.enabled(if: OTLPReceiver.isInstalled, "opentelemetry-proto and opentelemetry-sdk are not installed"))
        func begunMeanwhile() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try DockerDaemon(in: scratch)
            let collector = try LogCollector(lines: 10_000, in: scratch)
            let arguments = ["--logs-endpoint", "http://127.0.0.1:\(collector.port)/v1/logs"]
            var agent = try AgentProcess(arguments, in: scratch)
            func expect(_ log: NumberedLog, mayRepeat: Bool = false) throws {
                let found = try eventually(within: 30, every: 0.2) {
                    try collector.state().names[log.name].flatMap { $0.distinct == log.lines ? $0 : nil }
                }
                guard let found else { throw Failure("not \(log.lines) of \(log.name): \(try collector.state())") }
                // What was taken just before the end, and no checkpoint knows, is sent again.
                let mostRepeats = mayRepeat ? try collector.state().largest : 0
                #expect(found.repeats <= mostRepeats && found.late == 0, "\(found)")
            }
            let before = try NumberedLog.docker("before", daemon)
            try before.write(1000)
            try expect(before)
            agent.process.signal(SIGKILL)
            #expect(agent.process.wait(seconds: 10) == 137)
            let meanwhile = try NumberedLog.docker("meanwhile", daemon)
            try meanwhile.write(1000)
            sleep(3)
            agent = try AgentProcess(arguments, in: scratch)
            try expect(meanwhile)
            try before.write(500)
            try expect(before, mayRepeat: true)
        }

        /// Podman's driver `journald`: conmon writes what it reads, in parts of its own size.
        @Test func podmanToJournal() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let journal = try JournalDaemon(in: scratch)
            let podman = try Podman(in: scratch, launcher: journal.launcher)
            let agent = try AgentProcess(["--journal-dir", journal.directory], in: scratch)
            let container = name("podman")
            try podman.run(container, options: ["--log-driver", "journald"], Self.command)
            try expectCounts(of: "/podman/" + container, source: "journald", from: agent)
        }

        /// Units of a real systemd and its journal.
        @Test(.enabled(if: !SystemdHost.isTheMachines, "two systemds cannot share a cgroup2 hierarchy"))
        func journal() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let unit = name("talks")
            let text = """
                [Service]
                StandardOutput=journal
                StandardError=journal
                ExecStart=/bin/sh -c 'sleep 1; for i in 1 2 3; do echo "ERROR cannot reach upstream $i"; done; \
                echo "WARN slow disk 7" >&2; echo "WARN slow disk 8" >&2; echo "<4>by its priority alone"; exec sleep 1000'
                """
            let systemd = try SystemdHost(units: [unit + ".service": text], in: scratch)
            let journal = systemd.run + "/log/journal"
            let agent = try AgentProcess(
                ["--systemd-socket", systemd.relayedPrivateSocket(), "--journal-dir", journal], in: scratch)
            #expect(agent.process.errors.contains("the journal is that in"), "\\(agent.process.errors)")
            // Boot starts it; here it begins after the agent.
            try systemd.systemctl("restart", unit)
            let container = "/system.slice/\(unit).service"
            let podman = try Podman(in: scratch)
            let other = name("podman")
            try podman.run(other, ["/workload", "sleep"])
            let identifier = try podman.podman(["inspect", "--format", "{{.Id}}", other])
            try agent.page(within: 20, "messages of the unit") { page in
                page.value("container_log_messages_total", of: container, ["source": "journald", "level": "error"]) ?? 0
                    >= 3
                    && page.value("container_log_messages_total", of: container, ["level": "warning"]) ?? 0 >= 3
            }
            let entry = "MESSAGE=INFO by a container\nPRIORITY=3\nCONTAINER_ID_FULL=\(identifier)\n"
            let file = try scratch.write(entry, to: "entry")
            try Command.check([
                "/bin/sh", "-c", "nsenter -t \(systemd.pid) -m -p -r logger --journald < \(file)",
            ])
            try agent.page(within: 15, "a message of a container in the journal") { page in
                page.value(
                    "container_log_messages_total", of: "/podman/" + other, ["source": "journald", "level": "info"])
                    == 1
            }
        }
    }
}
