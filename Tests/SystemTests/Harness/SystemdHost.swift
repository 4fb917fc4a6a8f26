import Foundation
import Testing

/// A real systemd, process 1 of its own pid, mount, network, IPC and UTS namespaces, that runs units in the machine's
/// cgroup2 hierarchy: `/system.slice/NAME.service` is made by systemd, at that very path.
final class SystemdHost {
    /// Whether process 1 is a systemd, beside which there is no room for another one.
    static var isTheMachines: Bool {
        (try? String(contentsOfFile: "/proc/1/comm", encoding: .utf8))?.hasPrefix("systemd") == true
    }

    /// systemd's process in the host's pid namespace.
    let pid: pid_t
    /// systemd's /run.
    let run: String
    private let process: ChildProcess
    private let scratch: Scratch

    /// Boots with these unit files, by name.
    init(units: [String: String], in scratch: Scratch) throws {
        self.scratch = scratch
        guard let tree = try? DebianTree.path() else {
            try Test.cancel("no Debian to boot: debootstrap needs a network")
        }
        let folder = try scratch.folder("systemd")
        for name in ["root", "run", "units"] { _ = try scratch.folder("systemd/\(name)") }
        for (name, text) in units { try scratch.write(text, to: "systemd/units/\(name)") }
        run = folder + "/run"
        Self.removeNewCgroupsAtEnd(of: scratch)
        let process = try ChildProcess(
            [
                "unshare", "--fork", "--pid", "--mount", "--uts", "--ipc", "--net", "--kill-child", "bash",
                Machine.helpers + "/systemd.sh", tree, folder,
            ], in: scratch)
        self.process = process
        let path = "/proc/\(process.pid)/task/\(process.pid)/children"
        let child = eventually(within: 10) { () -> pid_t? in
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            guard let pid = text.split(separator: " ").first.flatMap({ pid_t($0) }) else { return nil }
            let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? ""
            return name.hasPrefix("systemd") ? pid : nil
        }
        guard let child else { throw Failure("systemd does not start: \(process.errors.suffix(1000))") }
        pid = child
        // unshare does not end while its child lives, and systemd takes its time.
        scratch.atEnd { kill(child, SIGKILL) }
        // Not multi-user.target, which waits for units that take long to start.
        guard soon(within: 30, { (try? systemctl("is-active", "dbus.service"))?.output == "active\n" }) else {
            throw Failure("systemd does not start D-Bus: \(process.output.suffix(500))\(process.errors.suffix(1000))")
        }
    }

    @discardableResult
    func systemctl(_ arguments: String...) throws -> Command {
        try Command.run(["nsenter", "-t", "\(pid)", "-m", "-p", "-r", "systemctl"] + arguments)
    }

    /// A socket through which the agent reaches systemd's private one.
    func relayedPrivateSocket() throws -> String {
        let path = try scratch.folder("relay") + "/private"
        try ChildProcess(
            [
                "nsenter", "-t", "\(pid)", "-p", "python3", Machine.helpers + "/relay.py", path,
                run + "/systemd/private",
            ],
            in: scratch
        ).expect("ready")
        return path
    }

    /// systemd's own system bus.
    var systemBus: String { run + "/dbus/system_bus_socket" }

    /// Lets systemd sleep: it answers nobody.
    func freeze() { kill(pid, SIGSTOP) }

    /// systemd is killed with the scratch folder and leaves its cgroups behind.
    private static func removeNewCgroupsAtEnd(of scratch: Scratch) {
        let before = Set(cgroups())
        scratch.atEnd {
            for folder in cgroups().sorted(by: { $0.utf8.count > $1.utf8.count }) where !before.contains(folder) {
                // The last processes are still on their way out.
                _ = soon(within: 5, every: 0.01) { rmdir(folder) == 0 || errno != EBUSY }
            }
        }
    }

    private static func cgroups() -> [String] {
        let root = Cgroup.hierarchies.first { FileManager.default.fileExists(atPath: $0 + "/cgroup.subtree_control") }
        guard let root, let found = FileManager.default.enumerator(atPath: root) else { return [] }
        var folders: [String] = []
        for case let name as String in found {
            var isFolder: ObjCBool = false
            let path = root + "/" + name
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
                folders.append(path)
            }
        }
        return folders
    }
}
