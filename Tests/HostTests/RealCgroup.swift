import Foundation
import Linux

@testable import Host

/// A cgroup of this machine for one test: the same path in every hierarchy, with a child process in it. Everything is
/// taken away at the end.
final class RealCgroup {
    let path: String
    let mounts: [String]
    private var child: Shell?

    /// Tests with real cgroups need root, and version 1 CPU and memory controllers with a version 2 tree beside them.
    static let isPossible: Bool = {
        guard geteuid() == 0, let layout = try? CgroupLayout.detect(), layout.mode == .hybrid else { return false }
        return [.cpu, .cpuacct, .memory].allSatisfy { layout.v1Mount(of: $0) != nil }
    }()

    init(_ layout: CgroupLayout) throws {
        path = "/martlet-host-\(UUID().uuidString)"
        let all = [
            layout.v1Mount(of: .cpu), layout.v1Mount(of: .cpuacct), layout.v1Mount(of: .memory), layout.v2Mount,
        ]
        mounts = Array(Set(all.compactMap { $0 })).sorted()
        for mount in mounts {
            try FileManager.default.createDirectory(atPath: mount + path, withIntermediateDirectories: false)
        }
    }

    deinit { remove() }

    /// Runs a shell command inside.
    func start(_ command: String) throws {
        let joins = mounts.map { "echo $$ > \($0)\(path)/cgroup.procs" }.joined(separator: " && ")
        child = try Shell("\(joins) && \(command)")
    }

    func waitForChild() { child?.wait() }

    func text(_ mount: String?, _ file: String) throws -> String {
        try SmallFile.text((mount ?? "") + path + "/" + file)
    }

    func write(_ mount: String?, _ file: String, _ text: String) throws {
        try text.write(toFile: (mount ?? "") + path + "/" + file, atomically: false, encoding: .utf8)
    }

    /// Ends the child and removes the cgroups. True if all are gone.
    @discardableResult
    func remove() -> Bool {
        child?.kill()
        child = nil
        // A process that has just ended keeps a cgroup busy for a moment.
        return Shell.until { mounts.allSatisfy { rmdir($0 + path) == 0 || errno == ENOENT } }
    }
}
