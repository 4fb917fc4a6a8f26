import Foundation

/// A container of plain runc: `runc run` stays in the foreground in the bundle's folder, as a shim would.
final class RuncContainer {
    let cgroup: Cgroup
    let process: ChildProcess
    private let name: String
    private let root: String

    /// - Parameters:
    ///   - cgroup: the cgroup's path, whose form decides which runtime this looks like.
    ///   - network: path of a network namespace; nil is the host's.
    ///   - binds: folders of the host that appear read-only at the same path.
    init(
        cgroup path: String, annotations: [String: String] = [:], network: String? = nil, memory: Int? = nil,
        cores: Double? = nil, _ arguments: [String], in scratch: Scratch
    ) throws {
        name = "m\(UInt32.random(in: .min ... .max))"
        let bundle = try scratch.folder("bundle-\(name)")
        root = try scratch.folder("runc")
        cgroup = Cgroup(existing: path)
        Cgroup.removeAtEnd(path, in: scratch)

        var namespaces: [[String: String]] = ["pid", "mount", "ipc", "uts"].map { ["type": $0] }
        if let network { namespaces.append(["type": "network", "path": network]) }
        var resources: [String: Any] = [:]
        if let memory { resources["memory"] = ["limit": memory] }
        if let cores { resources["cpu"] = ["quota": Int(cores * 100_000), "period": 100_000] }
        let config: [String: Any] = [
            "ociVersion": "1.0.2",
            "process": [
                "terminal": false, "user": ["uid": 0, "gid": 0], "cwd": "/", "args": arguments,
                "env": ["PATH=/bin"],
            ] as [String: Any],
            "root": ["path": try Rootfs.make(in: scratch)],
            "mounts": [["destination": "/proc", "type": "proc", "source": "proc"]],
            "annotations": annotations,
            "linux": [
                "cgroupsPath": path, "namespaces": namespaces, "resources": resources,
            ] as [String: Any],
        ]
        let json = try JSONSerialization.data(withJSONObject: config)
        try json.write(to: URL(fileURLWithPath: bundle + "/config.json"))
        process = try ChildProcess(
            ["runc", "--root", root, "run", "--bundle", bundle, name], in: scratch, directory: bundle)
        scratch.atEnd { [self] in stop() }
    }

    /// A container that looks like one of Kubernetes on containerd, with the annotations of its CRI plugin.
    convenience init(
        pod: String, namespace: String = Machine.namespace, container: String = "main",
        image: String = "registry.test/app:1",
        network: String? = nil, memory: Int? = nil, cores: Double? = nil, _ arguments: [String], in scratch: Scratch
    ) throws {
        let identifier = Machine.containerID()
        try self.init(
            cgroup: "/kubepods/besteffort/pod\(UUID().uuidString.lowercased())/\(identifier)",
            annotations: [
                "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.container-name": container,
                "io.kubernetes.cri.sandbox-name": pod,
                "io.kubernetes.cri.sandbox-namespace": namespace,
                "io.kubernetes.cri.image-name": image,
            ],
            network: network, memory: memory, cores: cores, arguments, in: scratch)
    }

    /// Kills the container and waits for the end of `runc run`.
    func stop() {
        guard process.poll() == nil else { return }
        // A container that is only just being made cannot be killed yet.
        _ = soon(within: 5) {
            process.poll() != nil || (try? Command.run(["runc", "--root", root, "kill", name, "KILL"]))?.status == 0
        }
        if process.wait(seconds: 10) == nil { process.stop() }
        _ = try? Command.run(["runc", "--root", root, "delete", "--force", name])
    }
}
