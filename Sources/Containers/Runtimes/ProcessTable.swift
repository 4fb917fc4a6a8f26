import Glibc
import Linux

/// The few facts about processes that lead from a container to its runtime (proc(5)).
struct ProcessTable: Sendable {
    /// Where the host's processes are: `/proc`, or a fixture.
    let path: String

    init(_ path: String = "/proc") { self.path = path }

    /// Name (`comm`) and parent of a process; nil when it is gone.
    func status(_ pid: Int32) -> (name: String, parent: Int32)? {
        guard let bytes = try? SmallFile.bytes("\(path)/\(pid)/stat", limit: 8192),
            let open = bytes.firstIndex(of: UInt8(ascii: "(")),
            // The name may itself hold parentheses.
            let close = bytes.lastIndex(of: UInt8(ascii: ")")), open < close
        else { return nil }
        let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 3)
        guard fields.count >= 2, let parent = Int32(String(decoding: fields[1], as: UTF8.self)) else { return nil }
        return (String(decoding: bytes[(open + 1)..<close], as: UTF8.self), parent)
    }

    /// The command line, at most 64 KiB; empty when the process is gone or a kernel thread.
    func arguments(_ pid: Int32) -> [String] {
        guard let file = try? FileDescriptor.open("\(path)/\(pid)/cmdline") else { return [] }
        var bytes = [UInt8](repeating: 0, count: 65536)
        var count = 0
        // The kernel hands out at most a page at a time.
        while count < bytes.count {
            let start = count
            let got = bytes.withUnsafeMutableBytes { buffer in
                (try? file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[start...]))) ?? 0
            }
            if got == 0 { break }
            count += got
        }
        return bytes[..<count].split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// True when one of the process's cgroups is `classification`'s or nested in it.
    func isInside(_ pid: Int32, _ classification: CgroupClassification) -> Bool {
        guard let text = try? SmallFile.text("\(path)/\(pid)/cgroup", limit: 65536) else { return false }
        return text.split(separator: "\n").contains { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return false }
            var cgroup = parts[2]
            // Seen from a private cgroup namespace, paths outside of it start with `/..` (cgroup_namespaces(7)).
            while cgroup.hasPrefix("/../") { cgroup = cgroup.dropFirst(3) }
            let found = CgroupClassification.classify(String(cgroup))
            guard found.kind == classification.kind else { return false }
            return found.rawID == classification.rawID && found.isCandidate == classification.isCandidate
                || found.kind == .sandbox && found.rootPath == classification.rootPath
        }
    }

    /// The value of an option in an argument list, `--name VALUE` or `--name=VALUE`.
    static func value(of option: String, in arguments: [String]) -> String? {
        for (index, argument) in arguments.enumerated() {
            if argument == option { return index + 1 < arguments.count ? arguments[index + 1] : nil }
            if argument.hasPrefix(option + "=") { return String(argument.dropFirst(option.count + 1)) }
        }
        return nil
    }
}
