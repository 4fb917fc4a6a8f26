import Foundation

/// Podman with its own storage in the scratch folder, and one image `localhost/bb:1`.
final class Podman {
    static let image = "localhost/bb:1"
    private let command: [String]
    private let scratch: Scratch

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        let folder = try scratch.folder("podman")
        command = [
            "podman", "--root", folder + "/root", "--runroot", folder + "/run", "--tmpdir", folder + "/tmp",
            "--cgroup-manager=cgroupfs", "--runtime", "runc", "--storage-driver", "overlay", "--events-backend=file",
        ]
        Cgroup.removeAtEnd("/libpod_parent", killing: false, in: scratch)
        try Command.check(command + ["import", Rootfs.archive(in: scratch), Self.image])
    }

    /// Starts a container in the host's network; it is removed with the scratch folder.
    func run(_ name: String, _ arguments: [String]) throws {
        // Both limits: Podman raises them beyond what a machine without CAP_SYS_RESOURCE allows.
        try Command.check(
            command + [
                "run", "-d", "--name", name, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
                "--pull", "never", "--network", "host", "--log-driver", "none", Self.image,
            ] + arguments)
        scratch.atEnd { [self] in remove(name) }
    }

    func remove(_ name: String) {
        _ = try? Command.run(command + ["rm", "-f", "-t", "0", name])
    }
}
