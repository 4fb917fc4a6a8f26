import Foundation

/// One cgroup path in every hierarchy of the machine.
struct Cgroup {
    let path: String

    /// The mount points of all hierarchies, v1 and v2.
    static let hierarchies: [String] = {
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        return mounts.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") ? String(fields[1]) : nil
        }
    }()

    /// The folder of a file of this cgroup, such as "memory.stat": the first hierarchy that has it.
    func file(_ name: String) -> String? {
        Self.hierarchies.map { $0 + path + "/" + name }.first { FileManager.default.fileExists(atPath: $0) }
    }

    /// Contents of a file of this cgroup; empty if no hierarchy has it.
    func read(_ name: String) -> String {
        file(name).flatMap { FileManager.default.contents(atPath: $0) }.map { String(decoding: $0, as: UTF8.self) }
            ?? ""
    }

    /// Makes the cgroup everywhere; it is removed with the scratch folder, processes in it killed first.
    init(making path: String, in scratch: Scratch) throws {
        self.path = path
        Self.removeAtEnd(path, in: scratch)
        for root in Self.hierarchies {
            try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
            // A v1 cpuset takes no process before it has cores and memory.
            var folder = root
            for part in path.split(separator: "/") {
                for name in ["cpuset.cpus", "cpuset.mems"] {
                    guard let value = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
                    let target = folder + "/\(part)/" + name
                    if FileManager.default.contents(atPath: target)?.contains(where: { $0 != 10 }) == false {
                        Self.write(value, to: target)
                    }
                }
                folder += "/\(part)"
            }
        }
    }

    /// For a cgroup that a runtime made.
    init(existing path: String) { self.path = path }

    /// Starts a program inside the cgroup.
    func start(
        _ arguments: [String], in scratch: Scratch, environment: [String: String] = [:]
    ) throws -> ChildProcess {
        // Written by the child itself before it becomes the program: nothing of it runs outside.
        let script = "for root in $ROOTS; do echo $$ > \"$root$CGROUP/cgroup.procs\" || exit 99; done; exec \"$@\""
        var merged = environment
        merged["ROOTS"] = Self.hierarchies.joined(separator: " ")
        merged["CGROUP"] = path
        return try ChildProcess(["/bin/sh", "-c", script, "sh"] + arguments, in: scratch, environment: merged)
    }

    /// Kills what is left in the cgroup and removes its folders now.
    func remove() {
        for root in Self.hierarchies { Self.removeTree(root + path, killing: true) }
    }

    /// Removes `path` with the scratch folder, and those of its parents that do not exist yet, if nobody else uses them.
    ///
    /// - Parameter killing: whether processes that are left in it are killed. Not so in a cgroup that others may share.
    static func removeAtEnd(_ path: String, killing: Bool = true, in scratch: Scratch) {
        var parents: [String] = []
        for root in hierarchies {
            var folder = root
            for part in path.split(separator: "/").dropLast() {
                folder += "/\(part)"
                if !FileManager.default.fileExists(atPath: folder) { parents.append(folder) }
            }
        }
        scratch.atEnd {
            for root in hierarchies { removeTree(root + path, killing: killing) }
            for folder in parents.reversed() { rmdir(folder) }
        }
    }

    private static func removeTree(_ folder: String, killing: Bool) {
        guard FileManager.default.fileExists(atPath: folder) else { return }
        let below = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
            .map { folder + "/" + $0 }.filter { isFolder($0) }
        for path in ([folder] + below).sorted(by: { $0.utf8.count > $1.utf8.count }) {
            for _ in 0..<(killing ? 100 : 1) {
                if killing { for pid in processes(path) { kill(pid, SIGKILL) } }
                if rmdir(path) == 0 || errno != EBUSY { break }
                usleep(20_000)
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var folder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
    }

    private static func processes(_ folder: String) -> [pid_t] {
        let text = FileManager.default.contents(atPath: folder + "/cgroup.procs") ?? Data()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { pid_t($0) }
    }

    private static func write(_ value: Data, to path: String) {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0 else { return }
        value.withUnsafeBytes { bytes in _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
        close(descriptor)
    }
}
