import Foundation

/// containerd with its own folders in the scratch.
final class ContainerdDaemon {
    private let ctr: [String]
    private let scratch: Scratch
    private let folder: String
    private var daemon: ChildProcess?

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        folder = try scratch.folder("containerd")
        let socket = folder + "/c.sock"
        ctr = ["ctr", "-a", socket, "-n"]
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
        // Last: shims whose daemon was killed do not end with their containers.
        scratch.atEnd { Self.killShims(of: socket) }
        try start()
    }

    private static func killShims(of socket: String) {
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = pid_t(entry), let line = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline")
            else { continue }
            let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if arguments.first?.contains("containerd-shim") == true, arguments.contains(socket) {
                Glibc.kill(pid, SIGKILL)
            }
        }
    }

    /// Starts the daemon and waits until it answers.
    func start() throws {
        let daemon = try ChildProcess(["containerd", "-c", folder + "/config.toml"], in: scratch)
        self.daemon = daemon
        let ready = soon(within: 20) {
            daemon.poll() != nil || (try? Command.check(ctr + ["k8s.io", "version"])) != nil
        }
        if !ready || daemon.poll() != nil { throw Failure("containerd does not run: \(daemon.errors.suffix(1000))") }
    }

    /// Kills the daemon; the containers live on below their shims.
    func kill() {
        daemon?.signal(SIGKILL)
        _ = daemon?.wait(seconds: 10)
    }

    /// Starts a container in one of containerd's namespaces, in the host's network; it is removed with the scratch folder.
    ///
    /// - Parameter cgroup: nil leaves the path to containerd.
    func run(
        _ name: String, in namespace: String, labels: [String: String] = [:], cgroup: String? = nil,
        _ arguments: [String]
    ) throws {
        Cgroup.removeAtEnd(cgroup ?? "/\(namespace)/\(name)", in: scratch)
        try Command.check(
            ctr + [namespace, "run", "-d", "--rootfs", "--net-host"] + (cgroup.map { ["--cgroup", $0] } ?? [])
                + labels.flatMap { ["--label", "\($0.key)=\($0.value)"] } + [Rootfs.make(in: scratch), name]
                + arguments)
        removeAtEnd(name, in: namespace)
    }

    /// Takes all annotations out of a running container's bundle: before version 1.5 containerd wrote none.
    func removeAnnotations(of name: String, in namespace: String) throws {
        let path = "\(folder)/state/io.containerd.runtime.v2.task/\(namespace)/\(name)/config.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        guard var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw Failure("\(path) is no object")
        }
        object["annotations"] = nil
        try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: path))
    }

    private func removeAtEnd(_ name: String, in namespace: String) {
        let ctr = ctr + [namespace]
        scratch.atEnd {
            // A daemon that was killed does not always hear of the end of a task: its client must not wait for that.
            _ = try? Command.run(ctr + ["tasks", "kill", "-s", "KILL", name], seconds: 5)
            _ = soon(within: 5) { (try? Command.run(ctr + ["tasks", "rm", name], seconds: 5))?.status == 0 }
            _ = try? Command.run(ctr + ["containers", "rm", name], seconds: 5)
        }
    }

    /// Starts a container as the CRI plugin would, in the host's network; it is removed with the scratch folder.
    func run(
        pod: String, namespace: String, container: String, image: String,
        uid: String = UUID().uuidString.lowercased(), _ arguments: [String]
    ) throws {
        let identifier = Machine.containerID()
        let path = "/kubepods/burstable/pod\(uid)/\(identifier)"
        Cgroup.removeAtEnd(path, in: scratch)
        let annotations = [
            "io.kubernetes.cri.container-type=container",
            "io.kubernetes.cri.container-name=\(container)",
            "io.kubernetes.cri.sandbox-name=\(pod)",
            "io.kubernetes.cri.sandbox-namespace=\(namespace)",
            "io.kubernetes.cri.sandbox-uid=\(uid)",
            "io.kubernetes.cri.image-name=\(image)",
        ]
        try Command.check(
            ctr + ["k8s.io", "run", "-d", "--rootfs", "--net-host", "--cgroup", path]
                + annotations.flatMap { ["--annotation", $0] } + [Rootfs.make(in: scratch), identifier] + arguments)
        removeAtEnd(identifier, in: "k8s.io")
    }
}
