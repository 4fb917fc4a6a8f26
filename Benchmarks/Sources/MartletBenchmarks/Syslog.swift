import CBench
import Foundation

/// rsyslog's imfile in a process with a configuration and a directory of its own: it reads one file and writes its lines to
/// another.
final class Syslog {
    static let program = "/usr/sbin/rsyslogd"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    private let process = Process()
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
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["-n", "-f", configuration, "-i", "\(directory)/syslog.pid"]
        try process.run()
    }

    /// Nanoseconds of CPU of all its threads for the file at `path`, which is moved to where it looks.
    func read(_ path: String) throws -> Double {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        // It has started, and waits.
        var before = bench_cpu_time(process.processIdentifier)
        while true {
            bench_sleep(300_000_000)
            let now = bench_cpu_time(process.processIdentifier)
            if now == before { break }
            before = now
        }
        try FileManager.default.moveItem(atPath: path, toPath: input)
        for _ in 0..<6_000 {
            bench_sleep(10_000_000)
            let attributes = try? FileManager.default.attributesOfItem(atPath: output)
            if attributes?[.size] as? Int ?? 0 >= size {
                return Double(bench_cpu_time(process.processIdentifier) - before)
            }
            guard process.isRunning else { break }
        }
        throw BenchmarkError("rsyslog has not read its file")
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
