import CBench
import Foundation

/// rsyslog's imfile in a process with a configuration and a directory of its own: it reads one file and writes its lines to
/// another.
final class Syslog {
    static let program = "/usr/sbin/rsyslogd"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    // Not Foundation's `Process`: waiting for its end never returns where `main` is asynchronous.
    private var process: pid_t = 0
    private let input: String
    private let output: String

    init(in directory: String) throws {
        (input, output) = (directory + "/syslog.in", directory + "/syslog.out")
        let (work, configuration) = (directory + "/syslog", directory + "/syslog.conf")
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let text = """
            global(workDirectory="\(work)")
            module(load="imfile")
            template(name="line" type="string" string="%msg%\\n")
            ruleset(name="copy") { action(type="omfile" file="\(output)" template="line") }
            input(type="imfile" file="\(input)" tag="bench:" ruleset="copy")

            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        let arguments = [Self.program, "-n", "-f", configuration, "-i", "\(directory)/syslog.pid"]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let error = posix_spawn(&process, Self.program, nil, nil, &pointers, nil)
        guard error == 0 else { throw BenchmarkError("\(Self.program) does not start: \(error)") }
    }

    /// Nanoseconds of CPU of all its threads for the file at `path`, which is moved to where it looks.
    func read(_ path: String) throws -> Double {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        // It has started, and waits.
        var before = bench_cpu_time(process)
        while true {
            bench_sleep(300_000_000)
            let now = bench_cpu_time(process)
            if now == before { break }
            before = now
        }
        try FileManager.default.moveItem(atPath: path, toPath: input)
        for _ in 0..<6_000 {
            bench_sleep(10_000_000)
            let attributes = try? FileManager.default.attributesOfItem(atPath: output)
            if attributes?[.size] as? Int ?? 0 >= size {
                return Double(bench_cpu_time(process) - before)
            }
            if bench_cpu_time(process) < 0 { break }
        }
        throw BenchmarkError("rsyslog has not read its file")
    }

    func stop() {
        kill(process, SIGTERM)
        // A second for what it has to write, and not more.
        for _ in 0..<100 {
            if waitpid(process, nil, WNOHANG) != 0 { return }
            bench_sleep(10_000_000)
        }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
}
