import Foundation
import Testing

extension SystemTests {
    /// Connections and bytes are counted exactly.
    @Suite struct Traffic {
        /// A thousand connections from a container in the host's network.
        @Test func thousandConnects() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            try countConnects(1000, agents: [agent], in: scratch)
            #expect(try agent.page().losses == 0)
        }

        /// The same where io_uring is forbidden: the agent falls back to epoll.
        @Test func thousandConnectsWithoutIOUring() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch, launcher: [Workload.path(), "noring"])
            try countConnects(1000, agents: [agent], in: scratch)
            #expect(try agent.page().losses == 0)
        }

        /// The same from a container with a network of its own.
        @Test func thousandConnectsFromOwnNetwork() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let network = try NetworkNamespace(in: scratch)
            try countConnects(1000, agents: [agent], network: network, in: scratch)
        }

        /// Two agents work beside each other, and both count everything.
        @Test func twoAgents() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agents = [try AgentProcess(in: scratch), try AgentProcess(in: scratch)]
            try countConnects(1000, agents: agents, in: scratch)
            #expect(agents[0].terminate().status == 0)
            try countConnects(500, agents: [agents[1]], in: scratch)
        }

        @Test func refusedConnects() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let port = try Machine.freePort()
            let pod = Self.podName()
            _ = try RuncContainer(
                pod: pod, ["/bin/sh", "-c", "/workload refused 300 127.0.0.1 \(port) && exec /workload sleep"],
                in: scratch)
            let page = try agent.page(within: 5, "300 failures") {
                $0.value("container_net_tcp_failed_connects_total", of: "/k8s/\(Machine.namespace)/\(pod)/main") ?? 0
                    >= 300
            }
            usleep(1_000_000)
            let later = try agent.page()
            let failures = later.all(
                "container_net_tcp_failed_connects_total", ["container_id": "/k8s/\(Machine.namespace)/\(pod)/main"])
            #expect(failures.count == 1)
            #expect(failures.first?.labels["destination"] == "127.0.0.1:\(port)")
            #expect(failures.first?.value == 300)
            #expect(
                page.value("container_net_tcp_successful_connects_total", of: "/k8s/\(Machine.namespace)/\(pod)/main")
                    ?? 0 == 0)
        }

        /// Bytes of every way of sending are those of the application, exactly.
        @Test(arguments: ["send", "sendfile", "splice"])
        func bytes(how: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, reply: 123_457, in: scratch)
            let pod = Self.podName()
            _ = try RuncContainer(
                pod: pod, ["/bin/sh", "-c", "/workload \(how) 7654321 127.0.0.1 \(port) && exec /workload sleep"],
                in: scratch)
            try Self.expectBytes(
                sent: 7_654_321, received: 123_457, of: "/k8s/\(Machine.namespace)/\(pod)/main", from: agent)
        }

        /// Bytes over TLS, by OpenSSL, are those of the TCP connection, as counted by a relay at its other end.
        @Test(arguments: ["send", "sendfile"])
        func tlsBytes(how: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            try Command.check([
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
                "-keyout", scratch.file("key.pem"), "-out", scratch.file("certificate.pem"),
            ])
            let port = try Machine.freePort()
            let script = Machine.helpers + "/tls.py"
            let relay = try ChildProcess(
                [
                    "python3", script, "server", scratch.file("certificate.pem"), scratch.file("key.pem"), "\(port)",
                    "54321",
                ],
                in: scratch)
            try relay.expect("ready")
            let unit = "/system.slice/tls-\(UInt16.random(in: .min ... .max)).service"
            let client = try Cgroup(making: unit, in: scratch)
                .start(["python3", script, "client", "\(port)", "3000000", how], in: scratch)
            #expect(client.wait(seconds: 20) == 0, "\(client.errors)")
            #expect(relay.wait(seconds: 20) == 0, "\(relay.errors)")
            let counted =
                relay.output.split(separator: "\n").last?.split(separator: " ").compactMap { Double($0) } ?? []
            try #require(counted.count == 2)
            #expect(counted[0] > 3_000_000)
            try Self.expectBytes(sent: counted[0], received: counted[1], of: unit, from: agent)
        }

        /// Connections that stay open are counted too, while they are open.
        @Test func bytesOfOpenConnections() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let port = try Machine.freePort()
            let sink = try Workload.sink(port: port, in: scratch)
            let pod = Self.podName()
            _ = try RuncContainer(pod: pod, ["/workload", "hold", "50", "127.0.0.1", "\(port)"], in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/\(pod)/main"
            try agent.page(within: 12, "bytes of 50 open connections") {
                $0.value("container_net_tcp_active_connections", of: identifier) == 50
                    && $0.value("container_net_tcp_bytes_sent_total", of: identifier) == 50_000
            }
            sink.stop()
            // The peer is gone, the container still holds its ends (CLOSE_WAIT): they are not counted twice.
            usleep(2_000_000)
            #expect(try agent.page().value("container_net_tcp_bytes_sent_total", of: identifier) == 50_000)
        }

        /// Two thousand processes that live 5 ms and connect once each.
        @Test(arguments: [false, true], ["", "exec"])
        func shortProcesses(busy: Bool, how: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let port = try Machine.freePort()
            _ = try Workload.sink(port: port, in: scratch)
            let unit = "/system.slice/short-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            var burners: [ChildProcess] = []
            if busy {
                for _ in 0..<2 * Machine.cores {
                    burners.append(try ChildProcess([Workload.path(), "burn", "600000"], in: scratch))
                }
            }
            let workload = try cgroup.start(
                [Workload.path(), "fork", "2000", "5", "8", "127.0.0.1", "\(port)"] + (how.isEmpty ? [] : [how]),
                in: scratch)
            #expect(workload.wait(seconds: 120) == 0, "\(workload.errors) \(workload.output)")
            for burner in burners { burner.stop() }
            usleep(1_500_000)
            let page = try agent.page()
            #expect(page.value("container_net_tcp_successful_connects_total", of: unit) == 2000)
            #expect(page.value("container_net_tcp_failed_connects_total", of: unit) ?? 0 == 0)
            #expect(page.losses == 0, "\(page.all("martlet_events_lost_total").filter { $0.value != 0 })")
        }

        @Test func listenOpenAndClose() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let port = try Machine.freePort()
            let pod = Self.podName()
            let identifier = "/k8s/\(Machine.namespace)/\(pod)/main"
            let container = try RuncContainer(
                pod: pod,
                ["/bin/sh", "-c", "/workload sink 127.0.0.1 \(port) 0 & sleep 3; kill $!; exec /workload sleep"],
                in: scratch)
            let label = ["listen_addr": "127.0.0.1:\(port)"]
            try agent.page(within: 2, "the listening socket") {
                $0.value("container_net_tcp_listen_info", of: identifier, label) == 1
            }
            try agent.page(within: 6, "its end") {
                $0.value("container_net_tcp_listen_info", of: identifier, label) == 0
            }
            container.stop()
        }

        // MARK: -

        private static func podName() -> String { "load-\(UInt32.random(in: .min ... .max))x" }

        private static func expectBytes(
            sent: Double, received: Double, of container: String, from agent: AgentProcess
        ) throws {
            func total(_ page: Page, _ direction: String) -> Double {
                page.value("container_net_tcp_bytes_\(direction)_total", of: container) ?? 0
            }
            _ = try soon(within: 6) {
                let page = try agent.page()
                return total(page, "sent") >= sent && total(page, "received") >= received
                    && page.value("container_net_tcp_active_connections", of: container) ?? 0 == 0
            }
            usleep(500_000)
            let page = try agent.page()
            #expect(total(page, "sent") == sent)
            #expect(total(page, "received") == received)
        }

        private func countConnects(
            _ count: Int, agents: [AgentProcess], network: NetworkNamespace? = nil, in scratch: Scratch
        ) throws {
            let port = try Machine.freePort()
            let address = network?.hostAddress ?? "127.0.0.1"
            _ = try Workload.sink(port: port, address: address, in: scratch)
            let pod = Self.podName()
            _ = try RuncContainer(
                pod: pod, network: network?.path,
                ["/bin/sh", "-c", "/workload connect \(count) \(address) \(port) && exec /workload sleep"], in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/\(pod)/main"
            for agent in agents {
                _ = try soon(within: 10) {
                    try agent.page().value("container_net_tcp_successful_connects_total", of: identifier) ?? 0
                        >= Double(count)
                }
            }
            usleep(1_000_000)
            for agent in agents {
                let page = try agent.page()
                let connects = page.all("container_net_tcp_successful_connects_total", ["container_id": identifier])
                #expect(
                    connects.map(\.value) == [Double(count)], "\(page.containers) \(agent.process.errors.suffix(500))")
                #expect(connects.first?.labels["destination"] == "\(address):\(port)")
                #expect(connects.first?.labels["actual_destination"] == "\(address):\(port)")
                #expect(page.value("container_net_tcp_failed_connects_total", of: identifier) ?? 0 == 0)
                #expect(page.value("container_net_tcp_active_connections", of: identifier) ?? 0 == 0)
            }
        }
    }
}
