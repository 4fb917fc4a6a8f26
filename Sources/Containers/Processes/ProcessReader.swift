internal import Glibc
internal import Linux
internal import Metrics

/// Reads one process's command line, executable and environment, each bounded. Blocks: the executable may lie on a file
/// system that hangs, and the process's memory may be locked.
///
/// Lives on one thread at a time.
final class ProcessReader {
    private static let commandLineLimit = 65_536
    private static let environmentLimit = 262_144
    private static let kindLimit = 4096

    private struct FileID: Hashable {
        let device: UInt64
        let inode: UInt64
        /// A file that was written again is another one.
        let modified: Int
    }

    private let procfs: String
    private let faults: CounterTable
    /// What executables are, by file; a value of nil is remembered too.
    private var kinds: [FileID: ApplicationType?] = [:]
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(procfs: String, faults: CounterTable) {
        self.procfs = procfs
        self.faults = faults
    }

    /// The facts of a process; nil if it has ended or may not be looked at. The last is counted.
    func read(_ pid: Int32) -> ProcessFacts? {
        do throws(Errno) {
            // A directory of procfs stands for this very process: another of the same number cannot be read through it.
            let directory = try FileDescriptor.open("\(procfs)/\(pid)", O_RDONLY | O_DIRECTORY)
            let commandLine = try bytes(directory, "cmdline", limit: Self.commandLineLimit)
            // A zombie, or a kernel thread.
            if commandLine.isEmpty { return nil }
            var facts = ProcessFacts()
            let path = try? SmallFile.link("/proc/self/fd/\(directory.raw)/exe")
            facts.application = ApplicationType.detect(commandLine: commandLine, executable: path ?? "")
            facts.language = language(directory, commandLine)
            facts.optOut = SignalOptOut(environ: try bytes(directory, "environ", limit: Self.environmentLimit)[...])
            return facts
        } catch {
            switch error {
            case .notFound, .noProcess: break
            default: faults.add("process_unreadable")
            }
            return nil
        }
    }

    private func language(_ directory: borrowing FileDescriptor, _ commandLine: [UInt8]) -> ApplicationType? {
        let arguments = commandLine.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        if arguments.count > 1, arguments[0].ends(with: "dotnet"), arguments[1].ends(with: ".dll") { return .dotnet }
        var status = stat()
        guard fstatat(directory.raw, "exe", &status, 0) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let id = FileID(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
            modified: Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec))
        if let known = kinds[id] { return known }
        guard let file = try? directory.open(at: "exe", O_RDONLY | O_NONBLOCK) else { return nil }
        let kind = ExecutableKind.detect(file)
        // Forgetting one costs four reads.
        if kinds.count >= Self.kindLimit, let any = kinds.first { kinds[any.key] = nil }
        kinds[id] = .some(kind)
        return kind
    }

    /// The first `limit` bytes of a file of the process. The kernel hands out at most a page at a time.
    private func bytes(_ directory: borrowing FileDescriptor, _ name: String, limit: Int) throws(Errno) -> [UInt8] {
        let file = try directory.open(at: name)
        var result = [UInt8]()
        while result.count < limit {
            let (count, failure) = buffer.withUnsafeMutableBytes { chunk -> (Int, Errno?) in
                do throws(Errno) {
                    return (
                        try file.read(
                            into: UnsafeMutableRawBufferPointer(
                                rebasing: chunk[..<min(limit - result.count, chunk.count)])), nil
                    )
                } catch {
                    return (0, error)
                }
            }
            if let failure { throw failure }
            if count == 0 { return result }
            result += buffer[..<count]
        }
        faults.add("process_\(name)_truncated")
        return result
    }
}
