import Foundation

/// A container of LXC with its own configuration in the scratch folder, in the host's network.
struct LXCContainer {
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/lxc-start") }

    init(_ name: String, _ arguments: [String], in scratch: Scratch) throws {
        let folder = try scratch.folder("lxc")
        _ = try scratch.folder("lxc/" + name)
        let root = try Rootfs.make(in: scratch)
        let script = arguments.map { "'" + $0.replacing("'", with: #"'\''"#) + "'" }.joined(separator: " ")
        try "#!/bin/sh\nexec \(script)\n".write(toFile: root + "/start", atomically: false, encoding: .utf8)
        chmod(root + "/start", 0o755)
        try scratch.write(
            """
            lxc.uts.name = \(name)
            lxc.rootfs.path = dir:\(root)
            lxc.net.0.type = none
            lxc.apparmor.profile = unconfined
            lxc.mount.auto = proc:mixed
            lxc.init.cmd = /start

            """, to: "lxc/\(name)/config")
        Cgroup.removeAtEnd("/lxc.payload." + name, in: scratch)
        Cgroup.removeAtEnd("/lxc.monitor." + name, killing: false, in: scratch)
        // Made by LXC for its own use and left behind.
        Cgroup.removeAtEnd("/lxc.pivot", killing: false, in: scratch)
        scratch.atEnd { _ = try? Command.run(["lxc-stop", "-P", folder, "-n", name, "-k"]) }
        try Command.check(["lxc-start", "-P", folder, "-n", name, "-d"])
    }
}
