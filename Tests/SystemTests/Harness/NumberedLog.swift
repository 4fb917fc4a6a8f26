import Foundation

/// A log of a real unit or container, with lines of the form "... NAME line NUMBER ...", numbers ascending from 0.
final class NumberedLog {
    private enum Writer {
        /// `Helpers/log_writer.py`, which reads from the pipe.
        case program(ChildProcess, FileHandle)
        /// A container's standard output.
        case docker(DockerDaemon)
    }

    /// What the lines call themselves.
    let name: String
    let container: String
    /// The file; empty where the runtime chose it.
    let path: String
    /// How many were asked for.
    private(set) var lines = 0
    private let writer: Writer

    private init(_ name: String, of container: String, at path: String, _ writer: Writer) {
        (self.name, self.container, self.path, self.writer) = (name, container, path, writer)
    }

    /// A file below /var/log that a unit's process has open.
    ///
    /// - Parameter rotation: rename, copy or delete.
    static func unit(_ name: String, rotation: String = "rename", in scratch: Scratch) throws -> NumberedLog {
        let unit = unique("writer-\(name)")
        let (container, path) = ("/system.slice/\(unit).service", "/var/log/\(unit).log")
        scratch.atEnd {
            unlink(path)
            for number in 1...12 { unlink("\(path).\(number)") }
        }
        let cgroup = try Cgroup(making: container, in: scratch)
        let writer = try program([rotation, name, path], in: scratch) { try cgroup.start($0, in: scratch) }
        return NumberedLog(name, of: container, at: path, writer)
    }

    /// A pod's file in the format of CRI, written by a program that stands for containerd's CRI plugin.
    static func pod(_ name: String, _ daemon: ContainerdDaemon, in scratch: Scratch) throws -> NumberedLog {
        let (pod, uid) = (unique(name), UUID().uuidString.lowercased())
        let folder = "/var/log/pods/\(Machine.namespace)_\(pod)_\(uid)"
        try FileManager.default.createDirectory(atPath: folder + "/main", withIntermediateDirectories: true)
        scratch.atEnd { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/main/0.log"
        let writer = try program(["rename", name, path, "cri"], in: scratch) { try ChildProcess($0, in: scratch) }
        try daemon.run(
            pod: pod, namespace: Machine.namespace, container: "main", image: "registry.test/app:1", uid: uid,
            ["/workload", "sleep"])
        return NumberedLog(name, of: "/k8s/\(Machine.namespace)/\(pod)/main", at: path, writer)
    }

    /// The standard output of a container of Docker, driver `json-file` unless `options` say otherwise.
    static func docker(_ name: String, _ daemon: DockerDaemon, options: [String] = []) throws -> NumberedLog {
        let container = unique(name)
        try daemon.run(container, options: options, ["/bin/sh", "-c", "exec sleep 100000"])
        return NumberedLog(container, of: "/docker/" + container, at: "", .docker(daemon))
    }

    private static func unique(_ name: String) -> String { "\(name)-\(UInt16.random(in: .min ... .max))" }

    private static func program(
        _ arguments: [String], in scratch: Scratch, _ start: ([String]) throws -> ChildProcess
    ) throws -> Writer {
        let fifo = scratch.file(unique("fifo"))
        guard mkfifo(fifo, 0o600) == 0 else { throw Failure("no FIFO") }
        let command = "exec /usr/bin/python3 \(Machine.helpers)/log_writer.py \"$@\" < \(fifo)"
        let process = try start(["/bin/sh", "-c", command, "sh"] + arguments)
        // Both ways, so that opening does not wait for the other end.
        let raw = open(fifo, O_RDWR | O_CLOEXEC)
        guard raw >= 0 else { throw Failure("no FIFO") }
        return .program(process, FileHandle(fileDescriptor: raw, closeOnDealloc: true))
    }

    /// Has more lines written; `rotating`: to a new file.
    func write(_ count: Int, rotating: Bool = false) throws {
        switch writer {
        case .program(_, let input):
            try input.write(contentsOf: Data("\(rotating ? "rotate" : "write") \(count)\n".utf8))
        case .docker(let daemon):
            let text = "INFO \(name) line %d of a program that has something to say of its container\\n"
            let script = "BEGIN { for (n = \(lines); n < \(lines + count); n++) printf \"\(text)\", n }"
            try daemon.docker(["exec", name, "/bin/sh", "-c", "busybox awk '\(script)' > /proc/1/fd/1"])
        }
        lines += count
    }

    /// Whether all lines that were asked for are in the file.
    var isWritten: Bool {
        switch writer {
        case .program(let process, _): process.output.split(separator: "\n").contains("\(lines)")
        case .docker: true
        }
    }
}
