import Foundation

/// containerd with its own folders in the scratch.
final class ContainerdDaemon {
    private let ctr: [String]
    private let scratch: Scratch

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        let folder = try scratch.folder("containerd")
        let socket = folder + "/c.sock"
        ctr = ["ctr", "-a", socket, "-n", "k8s.io"]
        try scratch.write(
            """
            version = 2
            root = "\(folder)/root"
            state = "\(folder)/state"
            [grpc]
              address = "\(socket)"
            [ttrpc]
              address = "\(socket).ttrpc"
            """, to: "containerd/config.toml")
        let daemon = try ChildProcess(["containerd", "-c", folder + "/config.toml"], in: scratch)
        let ready = soon(within: 20) { daemon.poll() != nil || (try? Command.check(ctr + ["version"])) != nil }
        if !ready || daemon.poll() != nil { throw Failure("containerd does not run: \(daemon.errors.suffix(1000))") }
    }

    /// Starts a container as the CRI plugin would, in the host's network; it is removed with the scratch folder.
    func run(
        pod: String, namespace: String, container: String, image: String, _ arguments: [String]
    ) throws {
        let identifier = Machine.containerID()
        let path = "/kubepods/burstable/pod\(UUID().uuidString.lowercased())/\(identifier)"
        Cgroup.removeAtEnd(path, in: scratch)
        let annotations = [
            "io.kubernetes.cri.container-type=container",
            "io.kubernetes.cri.container-name=\(container)",
            "io.kubernetes.cri.sandbox-name=\(pod)",
            "io.kubernetes.cri.sandbox-namespace=\(namespace)",
            "io.kubernetes.cri.image-name=\(image)",
        ]
        try Command.check(
            ctr + ["run", "-d", "--rootfs", "--net-host", "--cgroup", path]
                + annotations.flatMap { ["--annotation", $0] } + [Rootfs.make(in: scratch), identifier] + arguments)
        scratch.atEnd { [ctr] in
            _ = try? Command.run(ctr + ["tasks", "kill", "-s", "KILL", identifier])
            _ = soon(within: 5) { (try? Command.run(ctr + ["tasks", "rm", identifier]))?.status == 0 }
            _ = try? Command.run(ctr + ["containers", "rm", identifier])
        }
    }
}
