import CBench
import Foundation
import Linux
import LogFiles
import Logs
import Metrics

/// Log files to requests of OTLP before compression: read, unwrapped, joined, with level and pattern, encoded; beside a C loop
/// that only finds the line ends of the same bytes, and rsyslog, which copies lines from file to file. All CPU time, all in the
/// page cache.
enum LogLines {
    private static let rounds = 21
    private static let warmUp = 3
    private static let linesPerRound = 200_000
    private static let syslogLines = 1_000_000

    static func run() throws -> [Measurement] {
        let directory = FileManager.default.temporaryDirectory.path + "/martlet-logs-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let plain = try measure(.plain, "plain", directory)
        var results = plain
        results += try measure(.docker, "docker", directory)
        results += try measure(.cri, "cri", directory)
        results += try FileReads.run(directory)
        guard Syslog.isInstalled else { throw BenchmarkError("no \(Syslog.program)") }
        let syslog = try syslogRate(directory)
        results.append(Measurement("rsyslog", syslog / 1e6, "M lines/s/core"))
        results.append(Measurement("plain_against_rsyslog", plain[0].value / (syslog / 1e6)))
        return results
    }

    /// Rounds over one file that grows, the agent and C in turn.
    private static func measure(_ format: LogFormat, _ name: String, _ directory: String) throws -> [Measurement] {
        let path = directory + "/" + name
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchmarkError("no file: \(Errno.last)") }
        defer {
            close(file)
            unlink(path)
        }
        let sink = EncodingSink()
        var settings = LogSettings()
        settings.patternExtractionLimit = 0
        let (drops, faults) = (CounterTable(), CounterTable())
        let sources = LogSources(
            settings: settings, sink: sink, hostRoot: "", hostName: "bench", hostID: "0123456789abcdef",
            readsJournal: false,
            drops: drops, faults: faults)
        var target = LogTarget(containerID: "/docker/bench", serviceName: "/docker/bench")
        (target.logPath, target.format, target.isNew) = (path, format, true)
        sources.update([target])

        var corpus = LogCorpus(format)
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 256 << 10)
        buffer.initialize(repeating: 0, count: 256 << 10)
        defer { buffer.deallocate() }
        var (size, written, fed) = (0, 0, 0)
        var (ours, theirs): ([Double], [Double]) = ([], [])
        var allocations = UInt64.max
        for round in -warmUp..<rounds {
            let bytes = corpus.next(linesPerRound)
            guard bytes.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) == bytes.count else {
                throw BenchmarkError("not written: \(Errno.last)")
            }
            let start = size
            size += bytes.count
            written += bytes.count
            fed += linesPerRound
            func runC() throws -> Double {
                let begin = MonotonicClock.threadCPU()
                let lines = bench_count_lines(file, Int64(start), Int64(size), buffer, 256 << 10)
                let end = MonotonicClock.threadCPU()
                guard lines == Int64(linesPerRound) else { throw BenchmarkError("C: \(lines) lines") }
                return Double(end - begin)
            }
            func runMartlet() throws -> (nanoseconds: Double, allocations: UInt64) {
                let before = bench_allocations()
                let begin = MonotonicClock.threadCPU()
                // The last line waits for others that may belong to it.
                for _ in 0..<1_000_000 where sink.taken < UInt64(fed - 1) { _ = sources.poll() }
                let end = MonotonicClock.threadCPU()
                guard sink.taken == UInt64(fed - 1) else { throw BenchmarkError("\(sink.taken) of \(fed) lines") }
                return (Double(end - begin), bench_allocations() - before)
            }
            // The pause between looks at a file that always has more: waiting for it is no work.
            bench_sleep(800_000_000)
            let (c, agent): (Double, (nanoseconds: Double, allocations: UInt64))
            if round.isMultiple(of: 2) {
                c = try runC()
                agent = try runMartlet()
            } else {
                agent = try runMartlet()
                c = try runC()
            }
            if round < 0 { continue }
            theirs.append(c)
            ours.append(agent.nanoseconds)
            allocations = min(allocations, agent.allocations)
        }

        let totals = sink.totals
        let patterns = sources.changes().flatMap(\.patterns).filter { $0.level == .error }
        guard totals.errors >= UInt64(fed / 5 - 1), totals.errors <= UInt64(fed / 5), patterns.count == 16,
            patterns.reduce(0, { $0 + $1.count }) == totals.errors, drops.all().isEmpty, faults.all().isEmpty
        else {
            throw BenchmarkError("\(totals), \(patterns.count) patterns, drops \(drops.all()), faults \(faults.all())")
        }
        let lines = Double(linesPerRound)
        return [
            Measurement(name, lines / Statistics.median(ours) * 1e3, "M lines/s/core"),
            Measurement(name + "_line", Statistics.median(ours) / lines, "ns"),
            Measurement(name + "_line_in_c", Statistics.median(theirs) / lines, "ns"),
            Measurement(name + "_against_c", Statistics.ratio(ours, theirs)),
            Measurement(name + "_otlp_bytes_per_line", Double(totals.bytes) / Double(totals.records)),
            Measurement(name + "_allocations_per_line", Double(allocations) / lines),
        ]
    }

    /// Lines per second of CPU time.
    private static func syslogRate(_ directory: String) throws -> Double {
        var corpus = LogCorpus(.plain)
        let bytes = corpus.next(syslogLines)
        let path = directory + "/lines"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let syslog = try Syslog(in: directory)
        defer { syslog.stop() }
        return Double(syslogLines) / (try syslog.read(path)) * 1e9
    }
}
