import Foundation

/// A machine of a cloud: a network namespace in which the clouds' metadata addresses are there, and firmware.
final class CloudMachine {
    let network: NetworkNamespace
    private let scratch: Scratch
    private let firmware: String
    private let requestLog: String

    /// - Parameter firmware: contents of files in `/sys/class/dmi/id`.
    init(firmware: [String: String], in scratch: Scratch) throws {
        self.scratch = scratch
        network = try NetworkNamespace(in: scratch)
        self.firmware = try scratch.folder("dmi-\(network.name)")
        for (name, text) in firmware { try scratch.write(text + "\n", to: "dmi-\(network.name)/\(name)") }
        requestLog = try scratch.write("", to: "requests-\(network.name)")
    }

    /// Gives the namespace the addresses at which metadata services answer.
    func addAddresses() throws {
        for address in ["169.254.169.254", "100.100.100.200", "169.254.42.42"] {
            try Command.check(inside + ["ip", "addr", "add", address + "/32", "dev", "lo"])
        }
    }

    /// Lets packets to them vanish without a word: a neighbour is known who does not exist.
    func swallow() throws {
        let interface = try Command.check(
            inside + ["sh", "-c", "ip -o link | sed -n 's/^[0-9]*: \\(mi[^@:]*\\).*/\\1/p'"])
        for address in ["169.254.169.254", "100.100.100.200", "169.254.42.42"] {
            try Command.check(inside + ["ip", "route", "add", address + "/32", "dev", interface])
            try Command.check(
                inside + [
                    "ip", "neigh", "add", address, "lladdr", "02:00:00:00:00:99", "dev", interface, "nud", "permanent",
                ])
        }
    }

    /// Starts a metadata service: a cloud's name, or one that misbehaves.
    func serve(_ mode: String, prefix: String = "") throws {
        let server = try ChildProcess(
            inside + ["python3", Machine.helpers + "/clouds.py", mode, requestLog, prefix], in: scratch)
        try server.expect("ready")
    }

    /// The requests so far: method, path and host of each.
    var requests: [String] {
        ((try? String(contentsOfFile: requestLog, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }

    /// The agent on this machine.
    ///
    /// - Parameters:
    ///   - ownProcesses: in a pid namespace whose process 1 is in this machine's network; without it process 1 is the
    ///     host's.
    ///   - agentNetwork: where the agent runs, if not in this machine's network.
    func agent(
        _ arguments: [String] = [], ownProcesses: Bool = true, agentNetwork: NetworkNamespace? = nil
    ) throws -> AgentProcess {
        let pids = ownProcesses ? ["--pid", "--fork", "--kill-child", "--mount-proc"] : []
        let enter = agentNetwork.map { ["nsenter", "--net=" + $0.path] } ?? []
        let agent = try AgentProcess(
            arguments, in: scratch,
            launcher: inside + ["unshare", "--mount"] + pids
                + ["sh", Machine.helpers + "/cloud_machine.sh", firmware] + enter,
            host: (agentNetwork ?? network).insideAddress)
        // unshare(1) lets no SIGTERM end it; its processes end with it.
        if ownProcesses { scratch.atEnd { agent.process.signal(SIGKILL) } }
        return agent
    }

    var inside: [String] { ["nsenter", "--net=" + network.path] }
}
