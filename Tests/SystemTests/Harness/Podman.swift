import Foundation

/// Podman with its own storage in the scratch folder, and one image `localhost/bb:1`.
final class Podman {
    static let image = "localhost/bb:1"
    private let command: [String]
    private let scratch: Scratch

    /// - Parameter launcher: a program that runs Podman, such as one that enters a mount namespace.
    init(in scratch: Scratch, launcher: [String] = []) throws {
        self.scratch = scratch
        let folder = try scratch.folder("podman")
        command =
            launcher + [
                "podman", "--root", folder + "/root", "--runroot", folder + "/run", "--tmpdir", folder + "/tmp",
                "--cgroup-manager=cgroupfs", "--runtime", "runc", "--storage-driver", "overlay",
                "--events-backend=file",
            ]
        Cgroup.removeAtEnd("/libpod_parent", killing: false, in: scratch)
        try Command.check(command + ["import", Rootfs.archive(in: scratch), Self.image])
    }

    /// Runs the client and gives what it prints.
    @discardableResult
    func podman(_ arguments: [String]) throws -> String { try Command.check(command + arguments) }

    /// Podman's API on its usual socket, until the scratch folder is removed; fails where the machine has one.
    func serve() throws {
        let socket = "/run/podman/podman.sock"
        guard !FileManager.default.fileExists(atPath: socket) else { throw Failure("\(socket) is in use") }
        try FileManager.default.createDirectory(atPath: "/run/podman", withIntermediateDirectories: true)
        scratch.atEnd {
            unlink(socket)
            rmdir("/run/podman")
        }
        _ = try ChildProcess(command + ["system", "service", "--time=0", "unix://" + socket], in: scratch)
        guard soon(within: 10, { FileManager.default.fileExists(atPath: socket) }) else {
            throw Failure("podman does not serve")
        }
    }

    /// Starts a container in the host's network; it is removed with the scratch folder.
    func run(_ name: String, options: [String] = [], _ arguments: [String]) throws {
        // Both limits: Podman raises them beyond what a machine without CAP_SYS_RESOURCE allows.
        try Command.check(
            command + [
                "run", "-d", "--name", name, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
                "--pull", "never", "--network", "host", "--log-driver", "none",
            ] + options + [Self.image] + arguments)
        scratch.atEnd { [self] in remove(name) }
    }

    func remove(_ name: String) {
        _ = try? Command.run(command + ["rm", "-f", "-t", "0", name])
    }
}
