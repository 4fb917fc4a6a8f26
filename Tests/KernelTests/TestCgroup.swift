import Foundation

/// A control group of the test's own in every hierarchy that there is, named like a systemd unit; removed at the end.
final class TestCgroup {
    let unit: String = "martlet-test-\(UUID().uuidString.prefix(8).lowercased()).service"
    private let directories: [String]
    private var children: [Process] = []

    init() throws {
        let root = "/sys/fs/cgroup"
        let mounts = try FileManager.default.contentsOfDirectory(atPath: root)
            .filter { ["unified", "memory", "cpu", "cpuacct", "cpu,cpuacct", "blkio", "systemd"].contains($0) }
            .map { "\(root)/\($0)" }
        let hierarchies = FileManager.default.fileExists(atPath: root + "/cgroup.controllers") ? [root] : mounts
        let unit = self.unit
        directories = hierarchies.map { "\($0)/system.slice/\(unit)" }
        for directory in directories {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
    }

    /// Has the kernel count I/O to a device (`major:minor`): in version 1 Linux 6.10 and later do so only once some cgroup has
    /// a throttle for it. This one never throttles.
    func countIO(device: String) {
        for directory in directories {
            let path = directory + "/blkio.throttle.write_bps_device"
            guard FileManager.default.fileExists(atPath: path), let file = FileHandle(forWritingAtPath: path) else {
                continue
            }
            try? file.write(contentsOf: Data("\(device) 1000000000000\n".utf8))
        }
    }

    /// What the kernel counts as written by this cgroup to a device (`major:minor`), in bytes.
    func writtenBytes(device: String) -> Double? {
        for directory in directories {
            let files = ["blkio.throttle.io_service_bytes": "Write ", "io.stat": "wbytes="]
            for (name, key) in files {
                guard let text = try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8) else { continue }
                for line in text.split(separator: "\n") where line.hasPrefix(device + " ") {
                    guard let range = line.range(of: key) else { continue }
                    return Double(line[range.upperBound...].prefix { $0.isNumber })
                }
            }
        }
        return nil
    }

    var containerID: String { "/system.slice/\(unit)" }

    /// Runs a shell script inside the cgroup and waits for its end; returns what it printed.
    @discardableResult
    func run(_ script: String) throws -> String {
        let (process, output) = try start(script)
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// Starts a shell script inside the cgroup.
    func start(_ script: String) throws -> (Process, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let enter = directories.map { "echo $$ > \($0)/cgroup.procs" }.joined(separator: "; ")
        process.arguments = ["-c", "\(enter); \(script)"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        children.append(process)
        return (process, output)
    }

    /// Runs a Python program inside the cgroup.
    @discardableResult
    func python(_ program: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(unit).py")
        try program.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try run("exec python3 \(file.path)")
    }

    deinit {
        for child in children where child.isRunning { kill(child.processIdentifier, SIGKILL) }
        for child in children { child.waitUntilExit() }
        for directory in directories {
            var tries = 0
            while rmdir(directory) != 0, errno == EBUSY, tries < 100 {
                usleep(10_000)
                tries += 1
            }
            // Fails while somebody else's unit is in there.
            rmdir((directory as NSString).deletingLastPathComponent)
        }
    }
}
