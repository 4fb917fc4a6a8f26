import Foundation
import Testing

extension SystemTests {
    /// Values agree with those of Prometheus, node_exporter and the container runtimes.
    @Suite struct Values {
        /// What Prometheus got by remote write is what the page says.
        @Test func remoteWrite() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let prometheus = try Prometheus(in: scratch)
            let agent = try AgentProcess(
                ["--metrics-endpoint", prometheus.writeURL, "--scrape-interval=2s", "--api-key=secret"], in: scratch)
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            _ = try RuncContainer(
                pod: "push-0", image: "registry.test/\"quoted\\image:1", memory: 64 << 20,
                [
                    "/bin/sh", "-c",
                    "/workload connect 100 127.0.0.1 \(port) && exec /workload hold 2 127.0.0.1 \(port)",
                ],
                in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/push-0/main"
            let arrived = try soon(within: 30, every: 0.5) {
                try prometheus.query("container_net_tcp_successful_connects_total{container_id=\"\(identifier)\"}")
                    .contains { $0.value == 102 }
            }
            #expect(arrived, "\(agent.process.errors.suffix(1000))")
            // Two more intervals: everything at rest is now the same on both sides.
            sleep(5)
            let page = try agent.page()
            let stored = try prometheus.query("{job=\"coroot-node-agent\"}")
            try #require(!stored.isEmpty)

            // `up` is sent by remote write only; the rest is the page plus the labels job and instance.
            #expect(stored.filter { $0.name == "up" }.map(\.value) == [1])
            func key(_ sample: Sample) -> String {
                var labels = sample.labels
                labels["job"] = nil
                labels["instance"] = nil
                // An empty label is no label to Prometheus.
                return Sample(name: sample.name, labels: labels.filter { !$0.value.isEmpty }, value: 0).description
            }
            let machine = page.all("node_info").first?.labels["machine_id"]
            #expect(stored.allSatisfy { $0.labels["instance"]?.isEmpty == false })
            if page.all("node_info").first?.labels["system_uuid"]?.isEmpty != false {
                #expect(stored.allSatisfy { $0.labels["instance"] == machine })
            }
            let answers = Dictionary(stored.map { (key($0), $0.value) }, uniquingKeysWith: { first, _ in first })
            // Self-metrics and interfaces may come and go between the last push and the page; nothing else does.
            let expected = page.samples.filter { $0.name.hasPrefix("container_") || $0.name.hasPrefix("node_") }
            let absent = expected.filter { answers[key($0)] == nil }
            #expect(absent.isEmpty, "not in Prometheus: \(absent.prefix(5))")

            let atRest = expected.filter { sample in
                sample.container == identifier
                    && (sample.name.hasPrefix("container_net_tcp") || sample.name.hasSuffix("_limit_bytes")
                        || sample.name == "container_info" || sample.name == "container_restarts_total")
                    || sample.name == "node_resources_memory_total_bytes"
                    || sample.name == "node_resources_cpu_logical_cores"
            }
            #expect(atRest.count >= 8)
            for sample in atRest { #expect(answers[key(sample)] == sample.value, "\(sample)") }
            // Values that move: the same within two per cent of what the page says a moment later.
            for sample in expected where sample.name == "node_uptime_seconds" || sample.name.contains("memory_total") {
                let answer = try #require(answers[key(sample)])
                #expect(abs(answer - sample.value) <= 0.02 * abs(sample.value), "\(sample) is \(answer) in Prometheus")
            }
            #expect(page.value("martlet_remote_write_requests_total") ?? 0 >= 2)
        }

        /// The collector's endpoint gets the path, the key and the encoding that the original sends.
        @Test func collectorEndpoint() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let port = try Machine.freePort()
            let receiver = try ChildProcess(
                ["python3", "-u", Machine.helpers + "/receiver.py", "\(port)"], in: scratch)
            try receiver.expect("ready")
            let agent = try AgentProcess(
                ["--collector-endpoint=http://127.0.0.1:\(port)", "--api-key=k3y", "--scrape-interval=1s"], in: scratch)
            let line = try #require(
                eventually(within: 10) { receiver.output.split(separator: "\n").first { $0 != "ready" } })
            #expect(
                line == "POST /v1/metrics x-api-key=k3y encoding=snappy type=application/x-protobuf version=0.1.0",
                "\(agent.process.errors.suffix(500))")
        }

        /// CPU, memory, disk and network of the node agree with node_exporter within two per cent over a minute.
        @Test func nodeExporter() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let network = try NetworkNamespace(hostInterface: "eth7\(UInt8.random(in: 10...99))", in: scratch)
            let agent = try AgentProcess(in: scratch)
            let address = "127.0.0.1:\(try Machine.freePort())"
            let exporter = try ChildProcess(
                ["prometheus-node-exporter", "--web.listen-address=\(address)"], in: scratch)
            func exported() throws -> Page {
                try Page(Command.check(["curl", "-sS", "--fail", "--max-time", "10", "http://\(address)/metrics"]))
            }
            #expect(soon(within: 20) { (try? exported()) != nil }, "\(exporter.errors.suffix(500))")

            // Something to measure: half the cores busy, a disk written past the page cache, a cable with traffic.
            let burner = try ChildProcess([Workload.path(), "burn", "600000"], in: scratch)
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, address: network.hostAddress, in: scratch)
            let sender = try ChildProcess(
                [
                    "nsenter", "--net=" + network.path, "/bin/sh", "-c",
                    "while :; do \(Workload.path()) send 2000000 \(network.hostAddress) \(port); sleep 0.05; done",
                ], in: scratch)
            let writer = try ChildProcess(
                [
                    "/bin/sh", "-c",
                    "while :; do dd if=/dev/zero of=/var/tmp/martlet-\(getpid()) bs=64k count=32 oflag=direct; sleep 0.05; done",
                ], in: scratch)
            scratch.atEnd { unlink("/var/tmp/martlet-\(getpid())") }

            // Both at the moment at which the agent has just read the node's files.
            func sample() throws -> (Page, Page) {
                let old = try agent.page().value("node_uptime_seconds")
                let page = try agent.page(within: 10, "fresh node metrics") { $0.value("node_uptime_seconds") != old }
                return (page, try exported())
            }
            sleep(5)
            let before = try sample()
            sleep(58)
            let after = try sample()
            for process in [burner, sender, writer] { process.stop() }

            /// Growth over the minute of ours and theirs.
            func growth(
                _ ours: String, _ ourLabels: [String: String], _ theirs: String, _ theirLabels: [String: String]
            )
                throws -> (Double, Double)
            {
                let mine = try #require(after.0.value(ours, ourLabels)) - (before.0.value(ours, ourLabels) ?? 0)
                let other =
                    try #require(after.1.value(theirs, theirLabels)) - (before.1.value(theirs, theirLabels) ?? 0)
                return (mine, other)
            }
            func agree(_ pair: (Double, Double), floor: Double, _ what: String) {
                // Below the floor, one unit of resolution is more than two per cent.
                let tolerance = max(0.02 * abs(pair.1), floor)
                #expect(abs(pair.0 - pair.1) <= tolerance, "\(what): \(pair.0) here, \(pair.1) in node_exporter")
            }
            for mode in ["user", "system", "idle"] {
                let labels = ["mode": mode]
                try agree(
                    growth("node_resources_cpu_usage_seconds_total", labels, "node_cpu_seconds_total", labels),
                    floor: 0.25, "CPU seconds, \(mode)")
            }
            for (ours, theirs) in [
                ("node_resources_memory_total_bytes", "node_memory_MemTotal_bytes"),
                ("node_resources_memory_free_bytes", "node_memory_MemFree_bytes"),
                ("node_resources_memory_available_bytes", "node_memory_MemAvailable_bytes"),
                ("node_resources_memory_cached_bytes", "node_memory_Cached_bytes"),
            ] {
                let pair = (try #require(after.0.value(ours)), try #require(after.1.value(theirs)))
                agree(pair, floor: 0, ours)
            }
            let devices = Set(after.0.all("node_resources_disk_writes_total").compactMap { $0.labels["device"] })
            #expect(!devices.isEmpty)
            for device in devices {
                let labels = ["device": device]
                for (ours, theirs) in [
                    ("node_resources_disk_writes_total", "node_disk_writes_completed_total"),
                    ("node_resources_disk_written_bytes_total", "node_disk_written_bytes_total"),
                    ("node_resources_disk_reads_total", "node_disk_reads_completed_total"),
                    ("node_resources_disk_read_bytes_total", "node_disk_read_bytes_total"),
                    ("node_resources_disk_io_time_seconds_total", "node_disk_io_time_seconds_total"),
                ] {
                    let floor = ours.contains("bytes") ? 4e6 : ours.contains("seconds") ? 0.5 : 60
                    try agree(growth(ours, labels, theirs, labels), floor: floor, "\(ours) \(device)")
                }
            }
            let interfaces = Set(after.0.all("node_net_received_bytes_total").compactMap { $0.labels["interface"] })
            #expect(interfaces.contains { $0.hasPrefix("eth7") })
            for interface in interfaces {
                for (ours, theirs) in [
                    ("node_net_received_bytes_total", "node_network_receive_bytes_total"),
                    ("node_net_transmitted_bytes_total", "node_network_transmit_bytes_total"),
                    ("node_net_received_packets_total", "node_network_receive_packets_total"),
                    ("node_net_transmitted_packets_total", "node_network_transmit_packets_total"),
                ] {
                    let floor = ours.contains("bytes") ? 20_000.0 : 20
                    try agree(
                        growth(ours, ["interface": interface], theirs, ["device": interface]), floor: floor,
                        "\(ours) \(interface)")
                }
            }
        }

        /// CPU time and memory of a container at rest are those that Docker and its cgroup report.
        @Test func containerResources() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let daemon = try DockerDaemon(in: scratch)
            let name = "use-\(UInt16.random(in: .min ... .max))"
            let identifier = try daemon.run(
                name, options: ["-m", "256m"],
                ["/bin/sh", "-c", "/workload memory 48 & exec /workload burn 2000"])
            let container = "/docker/" + name
            try agent.page(within: 10, "two CPU seconds") {
                $0.value("container_resources_cpu_usage_seconds_total", of: container) ?? 0 >= 2
            }
            // At rest, and read once more by the agent.
            sleep(7)
            let page = try agent.page()
            let cgroup = Cgroup(existing: "/docker/" + identifier)
            let stats = try daemon.stats(identifier)

            let cpu = try #require(page.value("container_resources_cpu_usage_seconds_total", of: container))
            let reported = try #require(number(stats, "cpu_stats", "cpu_usage", "total_usage")) / 1e9
            #expect(abs(cpu - reported) <= 0.02 * reported, "CPU seconds: \(cpu) here, \(reported) by Docker")

            let rss = try #require(page.value("container_resources_memory_rss_bytes", of: container))
            let values = Dictionary(
                cgroup.read("memory.stat").split(separator: "\n").map { line in
                    let fields = line.split(separator: " ")
                    return (String(fields[0]), Double(fields[1]) ?? .nan)
                }, uniquingKeysWith: { first, _ in first })
            let file =
                (values["total_rss"] ?? values["anon"] ?? .nan)
                + (values["total_mapped_file"] ?? values["file_mapped"] ?? .nan)
            #expect(abs(rss - file) <= 0.02 * file, "memory: \(rss) here, \(file) in memory.stat")
            if let anonymous = number(stats, "memory_stats", "stats", "total_rss"),
                let mapped = number(stats, "memory_stats", "stats", "total_mapped_file")
            {
                #expect(
                    abs(rss - anonymous - mapped) <= 0.02 * rss, "memory: \(rss) here, \(anonymous + mapped) by Docker")
            }
            #expect(rss >= 50_331_648.0)
            #expect(page.value("container_resources_memory_limit_bytes", of: container) == 268_435_456.0)

            // Pressure: the totals of the cgroup's files, in seconds.
            for resource in ["cpu", "memory", "io"] {
                let text = cgroup.read("\(resource).pressure")
                for kind in ["some", "full"] where !text.isEmpty {
                    let line = text.split(separator: "\n").first { $0.hasPrefix(kind) } ?? ""
                    let total = line.split(separator: " ").last.flatMap { Double($0.dropFirst("total=".count)) } ?? .nan
                    let value = page.value(
                        "container_resources_\(resource)_pressure_waiting_seconds_total", of: container, ["kind": kind])
                    #expect(abs((value ?? .nan) - total / 1e6) <= max(0.05, 0.02 * total / 1e6), "\(resource) \(kind)")
                }
            }
        }

        /// A container that asks for more CPU than its limit is throttled, and the page says for how long.
        @Test func throttling() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let container = try RuncContainer(pod: "slow-0", cores: 0.2, ["/workload", "burn", "1000"], in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/slow-0/main"
            try agent.page(within: 15, "one CPU second") {
                $0.value("container_resources_cpu_usage_seconds_total", of: identifier) ?? 0 >= 0.99
            }
            sleep(7)
            let throttled =
                try agent.page().value("container_resources_cpu_throttled_seconds_total", of: identifier) ?? 0
            let line =
                container.cgroup.read("cpu.stat").split(separator: "\n").first { $0.hasPrefix("throttled_time") } ?? ""
            let expected = (line.split(separator: " ").last.flatMap { Double($0) } ?? .nan) / 1e9
            #expect(abs(throttled - expected) <= 0.02 * expected, "\(throttled) here, \(expected) in cpu.stat")
            #expect(throttled > 1)
        }

        private func number(_ object: [String: Any], _ path: String...) -> Double? {
            var value: Any? = object
            for key in path { value = (value as? [String: Any])?[key] }
            return (value as? NSNumber)?.doubleValue
        }
    }
}
