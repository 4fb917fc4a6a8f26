import Foundation
import Host
import Linux

/// A network namespace of the test's own, held by a process that sleeps in it. A service address in it is translated to
/// another by a rule on its way out.
final class PrivateNetwork {
    let pid: Int32
    let netns: UInt32
    private let process: Process

    static let service = "10.96.0.1"
    static let actual = "10.0.0.5"

    init(port: Int) throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        let script = """
            ip link set lo up && ip addr add \(Self.actual)/24 dev lo && ip route add 10.96.0.0/16 dev lo &&
            nft 'table ip t {
            chain c {
            type nat hook output priority -100
            ip daddr \(Self.service) tcp dport 80 dnat to \(Self.actual):\(port)
            }
            }' && echo ready && exec sleep 600
            """
        process.arguments = ["--net", "sh", "-c", script]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let line = output.line()
        guard line == "ready" else {
            process.terminate()
            throw Failure(line)
        }
        pid = process.processIdentifier
        netns = UInt32(truncatingIfNeeded: try NetworkNamespace.inode(pid: pid))
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// What to put in front of a command that is to run in here.
    var enter: String { "nsenter --net=/proc/\(pid)/ns/net" }

    /// Runs a Python program in here and returns what it printed.
    func python(_ program: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString).py")
        try program.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
        child.arguments = ["--net=/proc/\(pid)/ns/net", "python3", file.path]
        let output = Pipe()
        child.standardOutput = output
        try child.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        child.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
