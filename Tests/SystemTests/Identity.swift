import Foundation
import Testing

extension SystemTests {
    /// Each runtime's containers appear under the right id, within two seconds of their start and with all their series.
    @Suite struct Identity {
        @Test func docker() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            let daemon = try DockerDaemon(in: scratch)
            let name = "web-\(UInt16.random(in: .min ... .max))"
            try daemon.run(name, options: ["-m", "64m", "--cpus", "0.5"], peer.command)
            let page = try peer.expectSeries(of: "/docker/" + name, image: DockerDaemon.image, from: agent)
            #expect(page.value("container_resources_memory_limit_bytes", of: "/docker/" + name) == 67_108_864.0)
            #expect(page.value("container_resources_cpu_limit_cores", of: "/docker/" + name) == 0.5)
        }

        @Test func podman() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            let podman = try Podman(in: scratch)
            let name = "pod-\(UInt16.random(in: .min ... .max))"
            try podman.run(name, peer.command)
            try peer.expectSeries(of: "/podman/" + name, image: Podman.image, from: agent)
        }

        @Test func containerd() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            let daemon = try ContainerdDaemon(in: scratch)
            try daemon.run(
                pod: "cart-5d8f7c9b6d-x2x7k", namespace: Machine.namespace, container: "cart",
                image: "registry.test/cart:1",
                peer.command)
            let identifier = "/k8s/\(Machine.namespace)/cart-5d8f7c9b6d-x2x7k/cart"
            let page = try peer.expectSeries(of: identifier, image: "registry.test/cart:1", from: agent)
            #expect(
                page.all("container_info", ["container_id": identifier, "app_id": "/k8s/\(Machine.namespace)/cart"])
                    .count == 1)
        }

        @Test func runc() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            _ = try RuncContainer(
                pod: "db-0", namespace: Machine.namespace, container: "postgres", image: "registry.test/pg:16",
                memory: 32 << 20,
                cores: 0.25, peer.command, in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/db-0/postgres"
            let page = try peer.expectSeries(of: identifier, image: "registry.test/pg:16", from: agent)
            #expect(page.value("container_resources_memory_limit_bytes", of: identifier) == 33_554_432.0)
            #expect(page.value("container_resources_cpu_limit_cores", of: identifier) == 0.25)
            #expect(
                page.all("container_info", ["container_id": identifier, "app_id": "/k8s/\(Machine.namespace)/db"]).count
                    == 1)
        }

        @Test func systemdUnit() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            let unit = "/system.slice/shop-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: unit, in: scratch)
            let process = try cgroup.start(
                ["/bin/sh", "-c", peer.script.replacing("/workload", with: Workload.path())], in: scratch)
            try peer.expectSeries(of: unit, image: nil, from: agent)
            process.stop()
        }

        /// What ran before the agent is found by the scan at its start.
        @Test func olderThanTheAgent() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let peer = try Peer(in: scratch)
            _ = try RuncContainer(pod: "old-0", peer.command, in: scratch)
            usleep(500_000)
            let agent = try AgentProcess(in: scratch)
            let page = try agent.page(within: 5, "the older container") {
                $0.value("container_net_tcp_active_connections", of: "/k8s/\(Machine.namespace)/old-0/main") == 3
                    && $0.value("container_net_tcp_listen_info", of: "/k8s/\(Machine.namespace)/old-0/main") == 1
            }
            #expect(
                page.value("container_resources_memory_rss_bytes", of: "/k8s/\(Machine.namespace)/old-0/main") != nil)
        }

        /// The rules on cgroup paths: processes of sessions and of unknown paths are not containers.
        @Test func ignoresWhatIsNoContainer() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let session = try Cgroup(making: "/user.slice/user-0.slice/session-9.scope", in: scratch)
            let scope = try Cgroup(making: "/system.slice/run-u42.scope", in: scratch)
            for cgroup in [session, scope] {
                try cgroup.start([Workload.path(), "burn", "1"], in: scratch).expect("done")
            }
            usleep(1_500_000)
            let page = try agent.page()
            #expect(
                !page.containers.contains {
                    $0.contains("session-9") || $0.contains("run-u42") || $0.contains("user.slice")
                })
        }

        /// A denied container and one that is not on the list are not reported.
        @Test func allowAndDenyLists() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(
                ["--container-allowlist=^/k8s/kept/", "--container-denylist=/secret$"], in: scratch)
            for (namespace, container) in [("kept", "main"), ("kept", "secret"), ("other", "main")] {
                _ = try RuncContainer(
                    pod: "list-0", namespace: namespace, container: container, ["/workload", "sleep"], in: scratch)
            }
            let page = try agent.page(within: 3, "the allowed container") {
                $0.containers.contains("/k8s/kept/list-0/main")
            }
            #expect(page.containers == ["/k8s/kept/list-0/main"])
        }

        @Test func minimumAge() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(["--min-container-age=4s"], in: scratch)
            _ = try RuncContainer(pod: "young-0", ["/workload", "sleep"], in: scratch)
            usleep(2_000_000)
            #expect(try !agent.page().containers.contains("/k8s/\(Machine.namespace)/young-0/main"))
            try agent.page(within: 5, "the container at the age of 4 s") {
                $0.containers.contains("/k8s/\(Machine.namespace)/young-0/main")
            }
        }

        @Test func restart() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let identifier = "/k8s/\(Machine.namespace)/again-0/main"
            let first = try RuncContainer(pod: "again-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 3, "the container") { $0.value("container_restarts_total", of: identifier) == 0 }
            first.stop()
            usleep(1_500_000)
            _ = try RuncContainer(pod: "again-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 3, "one restart") { $0.value("container_restarts_total", of: identifier) == 1 }
        }

        /// What ended stays on the page until garbage collection, then it goes.
        @Test func goneAfterCollection() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(["--gc-interval=3s"], in: scratch)
            let container = try RuncContainer(pod: "gone-0", ["/workload", "sleep"], in: scratch)
            _ = try RuncContainer(pod: "stays-0", ["/workload", "sleep"], in: scratch)
            try agent.page(within: 3, "both containers") {
                $0.containers.isSuperset(of: [
                    "/k8s/\(Machine.namespace)/gone-0/main", "/k8s/\(Machine.namespace)/stays-0/main",
                ])
            }
            container.stop()
            usleep(500_000)
            #expect(try agent.page().containers.contains("/k8s/\(Machine.namespace)/gone-0/main"))
            try agent.page(within: 10, "the end of one container") {
                !$0.containers.contains("/k8s/\(Machine.namespace)/gone-0/main")
            }
            sleep(4)
            #expect(try agent.page().containers.contains("/k8s/\(Machine.namespace)/stays-0/main"))
        }

        @Test func outOfMemory() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let container = try RuncContainer(
                pod: "oom-0", memory: 16 << 20, ["/bin/sh", "-c", "/workload memory 64; exec /workload sleep"],
                in: scratch)
            try agent.page(within: 5, "one OOM kill") {
                $0.value("container_oom_kills_total", of: "/k8s/\(Machine.namespace)/oom-0/main") == 1
            }
            container.stop()
        }
    }
}
