import Foundation

/// A temporary directory that is filled by a test and removed with this object.
public final class FixtureDirectory: Sendable {
    public let path: String

    public init() throws {
        // Short: socket paths below it must fit in 107 bytes.
        path = "/tmp/mt-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes `text` to `file` below the directory.
    public func write(_ file: String, _ text: String) throws {
        let url = URL(fileURLWithPath: path + "/" + file)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Makes the link `file` to `target`.
    public func link(_ file: String, to target: String) throws {
        let full = path + "/" + file
        try FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: full, withDestinationPath: target)
    }

    /// A process below `proc/`: its name, parent, cgroup, arguments, working directory and root.
    public func process(
        _ pid: Int32, _ name: String, parent: Int32, cgroup: String = "/", arguments: [String] = [], cwd: String? = nil
    ) throws {
        try write("proc/\(pid)/stat", "\(pid) (\(name)) S \(parent) 0 0\n")
        try write("proc/\(pid)/cgroup", "4:memory:\(cgroup)\n0::\(cgroup)\n")
        try write("proc/\(pid)/cmdline", arguments.map { $0 + "\0" }.joined())
        try link("proc/\(pid)/root", to: path + "/root")
        if let cwd { try link("proc/\(pid)/cwd", to: path + "/root" + cwd) }
    }
}
