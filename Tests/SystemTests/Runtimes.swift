import Foundation
import Testing

extension SystemTests {
    /// Containers of runtimes that coroot-node-agent does not report, labels, and runtimes that go away.
    @Suite struct Runtimes {
        private func name(_ kind: String) -> String { "\(kind)-\(UInt16.random(in: .min ... .max))" }

        @Test func containerdInSeveralNamespaces() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(["--container-label=team"], in: scratch)
            let peer = try Peer(in: scratch)
            let daemon = try ContainerdDaemon(in: scratch)
            let (plain, nice, pod) = (name("web"), name("nice"), name("pod"))
            try daemon.run(plain, in: "default", labels: ["team": "red"], peer.command)
            // Labels are asked of the daemon, which may be busy.
            try peer.expectSeries(of: "/containerd/default/" + plain, image: nil, from: agent, within: 5)
            // As nerdctl names them: the id says nothing, a label does.
            try daemon.run(
                Machine.containerID(), in: "shop", labels: ["nerdctl/name": nice, "team": "blue"],
                ["/workload", "sleep"])
            try daemon.run(
                pod: pod, namespace: Machine.namespace, container: "main", image: "registry.test/app:1",
                ["/workload", "sleep"])
            let page = try agent.page(within: 5, "containers of three namespaces") {
                $0.containers.isSuperset(of: ["/containerd/shop/" + nice, "/k8s/\(Machine.namespace)/\(pod)/main"])
                    && $0.value("container_info", of: "/containerd/default/" + plain, ["label_team": "red"]) == 1
                    && $0.value("container_info", of: "/containerd/shop/" + nice, ["label_team": "blue"]) == 1
            }
            #expect(page.all("container_restarts_total", ["label_team": "red"]).isEmpty)
            #expect(try agent.complaints() == "")
        }

        /// containerd is killed; what runs below its shims is identified as far as the disk tells, and completely when
        /// containerd is back.
        @Test func containerdGoesAwayAndComesBack() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try ContainerdDaemon(in: scratch)
            let (plain, pod) = (name("web"), name("pod"))
            try daemon.run(plain, in: "default", labels: ["team": "red"], ["/workload", "sleep"])
            // Only containerd knows whose this is.
            let identifier = Machine.containerID()
            try daemon.run(
                identifier, in: "k8s.io",
                labels: [
                    "io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": Machine.namespace,
                    "io.kubernetes.container.name": "main",
                ], cgroup: "/kubepods/burstable/pod\(UUID().uuidString.lowercased())/\(identifier)",
                ["/workload", "sleep"])
            try daemon.removeAnnotations(of: identifier, in: "k8s.io")
            daemon.kill()

            let agent = try AgentProcess(["--container-label=team"], in: scratch)
            try agent.page(within: 5, "the container that the disk tells") {
                $0.value("container_restarts_total", of: "/containerd/default/" + plain) == 0
            }
            sleep(3)
            let meanwhile = try agent.page()
            #expect(!meanwhile.containers.contains("/k8s/\(Machine.namespace)/\(pod)/main"))
            #expect(meanwhile.all("container_info", ["label_team": "red"]).isEmpty)
            #expect((meanwhile.value("martlet_faults_total", ["kind": "metadata_containerd"]) ?? 0) > 0)
            #expect(try agent.complaints() == "")

            try daemon.start()
            try agent.page(within: 60, "everything that containerd knows") {
                $0.containers.contains("/k8s/\(Machine.namespace)/\(pod)/main")
                    && $0.value("container_info", of: "/containerd/default/" + plain, ["label_team": "red"]) == 1
            }
            #expect(try agent.complaints() == "")
        }

        @Test func dockerCompose() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(["--compose-app-id", "--container-label=com.example.team"], in: scratch)
            let peer = try Peer(in: scratch)
            let daemon = try DockerDaemon(in: scratch)
            let (cart, other) = (name("shop-cart"), name("other"))
            try daemon.run(
                cart,
                options: [
                    "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=cart",
                    "--label", "com.example.team=red",
                ], peer.command)
            let page = try peer.expectSeries(of: "/docker/" + cart, image: DockerDaemon.image, from: agent)
            let own = page.samples.filter { $0.container == "/docker/" + cart && $0.name.hasPrefix("container_") }
            #expect(own.allSatisfy { $0.labels["app_id"] == "/compose/shop/cart" })
            #expect(page.value("container_info", of: "/docker/" + cart, ["label_com_example_team": "red"]) == 1)
            // Below a parent of one's own, where the path does not say Docker.
            let parent = "/" + name("ci")
            Cgroup.removeAtEnd(parent, in: scratch)
            try daemon.run(other, options: ["--cgroup-parent", parent], ["/workload", "sleep"])
            try agent.page(within: 5, "a container below another parent") {
                $0.value("container_info", of: "/docker/" + other, ["app_id": ""]) == 1
            }
        }

        @Test func podmanPod() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let podman = try Podman(in: scratch)
            try podman.serve()
            let agent = try AgentProcess(["--container-label=team", "--container-label=io.podman.pod.id"], in: scratch)
            let peer = try Peer(in: scratch)
            let (pod, member) = (name("pod"), name("cart"))
            let identifier = try podman.podman(["pod", "create", "--infra=false", "--name", pod])
            scratch.atEnd { _ = try? podman.podman(["pod", "rm", "-f", "-t", "0", pod]) }
            try podman.run(member, options: ["--pod", pod, "--label", "team=red"], peer.command)
            let page = try peer.expectSeries(of: "/podman/" + member, image: Podman.image, from: agent)
            #expect(
                page.value(
                    "container_info", of: "/podman/" + member,
                    ["label_io_podman_pod_id": identifier, "label_team": "red"]) == 1)
        }

        @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/newuidmap"), "needs uidmap"))
        func rootlessPodman() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let container = name("home")
            _ = try RootlessPodman(container, ["/bin/sleep", "300"], in: scratch)
            try agent.page(within: 5, "a user's container") {
                $0.value("container_info", of: "/podman/" + container, ["image": "localhost/bb:1"]) == 1
            }
        }

        @Test(.enabled(if: LXCContainer.isInstalled, "needs lxc"))
        func lxc() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let peer = try Peer(in: scratch)
            let container = name("lxc")
            _ = try LXCContainer(container, peer.command, in: scratch)
            let page = try peer.expectSeries(of: "/lxc/" + container, image: nil, from: agent)
            #expect(!page.containers.contains { $0.contains("monitor") })
        }

        /// Guests and users' services, by the names of their cgroups.
        @Test func guestsAndUserServices() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let guest = name("guest")
            let unit = name("sync") + ".service"
            let machine = guest.replacing("-", with: #"\x2d"#)
            for path in [
                #"/machine.slice/machine-qemu\x2d7\x2d\#(machine).scope/libvirt/emulator"#,
                "/user.slice/user-4242.slice/user@4242.service/app.slice/\(unit)/worker",
            ] {
                _ = try Cgroup(making: path, in: scratch).start([Workload.path(), "sleep"], in: scratch)
            }
            let quiet = try AgentProcess(in: scratch)
            let page = try quiet.page(within: 5, "the guest") { $0.containers.contains("/machine/" + guest) }
            #expect(!page.containers.contains { $0.hasSuffix(unit) })
            quiet.process.stop()
            let agent = try AgentProcess(["--user-services"], in: scratch)
            try agent.page(within: 5, "the user's service") { $0.containers.contains("/user.slice/4242/" + unit) }
        }
    }
}
