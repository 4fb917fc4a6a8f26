import Foundation
import Testing

extension SystemTests {
    /// What `deploy/` has is accepted by the tools that it is made for, and the agent runs with what it grants.
    @Suite struct Deployment {
        private static let folder = Machine.helpers + "/../../../deploy/"
        private var unit: String {
            get throws { try String(contentsOfFile: Self.folder + "systemd/martlet-node.service", encoding: .utf8) }
        }

        @Test func systemdTakesTheUnit() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            guard try Command.run(["/bin/sh", "-c", "command -v systemd-analyze"]).status == 0 else {
                try Test.cancel("systemd-analyze is not installed")
            }
            let here = try unit.replacingOccurrences(of: "/usr/bin/martlet-node", with: Machine.agent)
            let path = try scratch.write(here, to: "martlet-node.service")
            let verified = try Command.run(["systemd-analyze", "verify", path])
            #expect(verified.status == 0 && !verified.errors.contains("martlet"), "\(verified.errors)")
            // The exposure in tenths: 0 is a service that can do nothing, 100 one without any limit.
            let rated = try Command.run(["systemd-analyze", "security", "--offline=true", "--threshold=40", path])
            #expect(rated.status == 0, "\(rated.output.suffix(300))")
        }

        /// With the unit's bounding set and options everything that it promises runs.
        @Test func unitGrantsEnough() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let lines = try unit.split(separator: "\n")
            let granted = try #require(lines.first { $0.hasPrefix("CapabilityBoundingSet=") }).split(separator: "=")[1]
                .split(separator: " ").map { "+" + $0.lowercased().dropFirst(4) }
            let start = try #require(lines.first { $0.hasPrefix("ExecStart=") }).split(separator: " ").dropFirst()
            let agent = try AgentProcess(
                start.map(String.init), in: scratch,
                launcher: ["setpriv", "--bounding-set=-all," + granted.joined(separator: ","), "--inh-caps=-all"])
            _ = try RuncContainer(pod: "unit-0", ["/workload", "sleep"], in: scratch)
            let page = try agent.page(within: 5, "the container") {
                $0.containers.contains("/k8s/\(Machine.namespace)/unit-0/main")
            }
            #expect(!agent.process.errors.contains(" is off: "), "\(agent.process.errors)")
            #expect(page.value("martlet_feature_enabled", ["feature": "container_metadata"]) == 1)
            #expect(page.value("martlet_feature_enabled", ["feature": "network_namespaces"]) == 1)
        }

        @Test func kubernetesTakesTheDaemonSet() throws {
            guard try Command.run(["/bin/sh", "-c", "command -v kubernetes-validate"]).status == 0 else {
                try Test.cancel("kubernetes-validate is not installed: pip install kubernetes-validate")
            }
            let path = Self.folder + "kubernetes/daemonset.yaml"
            let result = try Command.run(["kubernetes-validate", "--strict", path])
            #expect(result.status == 0, "\(result.output)\(result.errors)")
        }

        /// Docker builds the image, and a container of it sees the others on the machine.
        @Test func imageServesAPage() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let docker = try DockerDaemon(in: scratch)
            try docker.docker(["import", try base(in: scratch), "base:1"])
            let context = try scratch.folder("context")
            try Command.check(["cp", Self.folder + "docker/Dockerfile", context])
            try Command.check(["cp", Machine.agent, context + "/martlet-node"])
            let socket = "unix://" + docker.socket
            try Command.check(
                [
                    "env", "DOCKER_BUILDKIT=0", "docker", "-H", socket, "build", "--network", "none", "--build-arg",
                    "BASE=base:1", "-t", "martlet-node", context,
                ], seconds: 120)
            _ = try RuncContainer(pod: "image-0", ["/workload", "sleep"], in: scratch)

            let port = try Machine.freePort()
            scratch.atEnd { docker.remove("martlet") }
            // Docker before version 23 knows neither BPF nor PERFMON, for which SYS_ADMIN stands.
            let capabilities = [
                "SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW", "SETPCAP",
            ].flatMap { ["--cap-add", $0] }
            try docker.docker(
                ["run", "-d", "--pull", "never", "--name", "martlet", "--pid", "host", "--network", "host"]
                    + ["--cap-drop", "ALL"] + capabilities
                    + [
                        "--security-opt", "seccomp=unconfined", "--read-only", "-v",
                        "/sys/fs/cgroup:/host/sys/fs/cgroup:ro", "martlet-node", "--cgroupfs-root",
                        "/host/sys/fs/cgroup", "--min-container-age=0s", "--drop-privileges", "--seccomp", "--listen",
                        "127.0.0.1:\(port)",
                    ])
            let id = "/k8s/\(Machine.namespace)/image-0/main"
            let seen = soon(within: 20, every: 0.2) {
                let result = try? Command.run(["curl", "-sS", "--fail", "http://127.0.0.1:\(port)/metrics"])
                return result?.output.contains("container_id=\"\(id)\"") == true
            }
            let log = (try? Command.run(["docker", "-H", socket, "logs", "martlet"]))?.errors ?? ""
            #expect(seen, "\(log.suffix(1000))")
        }

        /// What stands for Debian's image: a shell with the tools of the build, and the libraries.
        private func base(in scratch: Scratch) throws -> String {
            let root = try Rootfs.make(in: scratch)
            for tool in ["ls", "head", "grep", "mkdir", "dirname", "cp"] {
                try FileManager.default.createSymbolicLink(
                    atPath: root + "/bin/" + tool, withDestinationPath: "busybox")
            }
            try Command.check([
                "/bin/sh", "-ec",
                "for file in $(ldd \(Machine.agent) | grep -o '/[^ )]*'); do install -D \"$file\" \"\(root)$file\"; done",
            ])
            try Command.check(["tar", "-C", root, "-cf", root + ".tar", "."])
            return root + ".tar"
        }
    }
}
