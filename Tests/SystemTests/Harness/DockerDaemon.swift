import Foundation

/// dockerd with its own folders in the scratch, no network of its own, and one image `bb:1`.
final class DockerDaemon {
    static let image = "bb:1"
    let socket: String
    private let scratch: Scratch

    /// - Parameter launcher: a program that starts the daemon, such as one that enters a mount namespace.
    init(in scratch: Scratch, launcher: [String] = []) throws {
        self.scratch = scratch
        let folder = try scratch.folder("docker")
        socket = folder + "/docker.sock"
        Cgroup.removeAtEnd("/docker", killing: false, in: scratch)
        let daemon = try ChildProcess(
            launcher + [
                "dockerd", "--data-root", folder + "/data", "--exec-root", folder + "/exec", "-H", "unix://" + socket,
                "--pidfile", folder + "/pid", "--iptables=false", "--ip6tables=false", "--bridge=none",
                "--ip-forward=false", "--ip-masq=false", "--storage-driver=overlay2",
            ], in: scratch)
        let ready = soon(within: 20) { daemon.poll() != nil || (try? docker(["version"])) != nil }
        if !ready || daemon.poll() != nil { throw Failure("dockerd does not run: \(daemon.errors.suffix(1000))") }
        try docker(["import", Rootfs.archive(in: scratch), Self.image])
    }

    /// The client.
    @discardableResult
    func docker(_ arguments: [String]) throws -> String {
        try Command.check(["docker", "-H", "unix://" + socket] + arguments)
    }

    /// Starts a container in the host's network and gives its id; it is removed with the scratch folder.
    @discardableResult
    func run(_ name: String, options: [String] = [], _ arguments: [String]) throws -> String {
        let identifier = try docker(
            ["run", "-d", "--pull", "never", "--name", name, "--network", "host"] + options + [Self.image] + arguments)
        scratch.atEnd { [self] in remove(name) }
        return identifier
    }

    func remove(_ name: String) { _ = try? docker(["rm", "-f", name]) }

    /// What the daemon reports of a container at `GET /containers/ID/stats`.
    func stats(_ identifier: String) throws -> [String: Any] {
        let text = try Command.check([
            "curl", "-sS", "--fail", "--unix-socket", socket,
            "http://docker/containers/\(identifier)/stats?stream=false&one-shot=true",
        ])
        guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw Failure("docker's statistics are not an object: \(text.prefix(200))")
        }
        return object
    }
}
