import Foundation
import Logs
import Metrics
import Synchronization
import TestSupport

@testable import LogFiles

/// A host with log files, and an agent that reads them; it can be killed and started again.
final class LogScene {
    let directory: FixtureDirectory
    let sink: CollectingSink
    let drops = CounterTable()
    let faults = CounterTable()
    var settings = LogSettings()
    private let time = SceneTime()
    private(set) var sources: LogSources?
    var targets: [LogTarget] = []

    init(settlesAtOnce: Bool = true) throws {
        directory = try FixtureDirectory()
        sink = CollectingSink(settlesAtOnce: settlesAtOnce)
        settings.checkpointPath = directory.path + "/checkpoint"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    private var clock: LogClock {
        let time = time
        let began: UInt64 = 1_800_000_000_000_000_000
        return LogClock(
            monotonic: { time.now.load(ordering: .relaxed) },
            wall: {
                UInt64(
                    Int64(began + time.now.load(ordering: .relaxed)) + time.wallOffset.load(ordering: .relaxed)
                        * 1_000_000_000)
            })
    }

    /// Somebody sets the wall clock.
    func setClock(by seconds: Int64) { time.wallOffset.wrappingAdd(seconds, ordering: .relaxed) }

    var root: String { directory.path + "/root" }

    func path(_ name: String) -> String { root + "/" + name }

    /// A container whose log is the plain file `name`.
    func container(_ name: String, format: LogFormat = .plain, isNew: Bool = true) {
        var target = LogTarget(containerID: "/docker/\(name)", serviceName: "/docker/\(name)")
        target.logPath = "/" + name
        target.format = format
        target.isNew = isNew
        targets.append(target)
    }

    func start() {
        sources = LogSources(
            settings: settings, sink: sink, hostRoot: root, procfs: directory.path + "/proc", hostName: "h",
            hostID: "m",
            readsJournal: false, drops: drops, faults: faults, clock: clock)
        sources?.update(targets)
    }

    /// The agent is gone without having written anything more.
    func kill() { sources = nil }

    /// Reads until nothing is left to read, and goes on so for a time, which only the agent's clocks see.
    func read(seconds: Double = 0) {
        func round() { for _ in 0..<10_000 { if sources?.poll() ?? 1 << 40 > 2_000_000 { return } } }
        round()
        for _ in 0..<Int((max(seconds, 0.3) / 0.05).rounded()) {
            time.now.wrappingAdd(50_000_000, ordering: .relaxed)
            round()
        }
    }

    func append(_ name: String, _ text: String) throws { try append(name, Data(text.utf8)) }

    func append(_ name: String, _ data: Data) throws {
        if !FileManager.default.fileExists(atPath: path(name)) {
            try Data().write(to: URL(fileURLWithPath: path(name)))
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path(name)))
        try file.seekToEnd()
        try file.write(contentsOf: data)
        try file.close()
    }

    func rename(_ from: String, _ to: String) throws {
        _ = try? FileManager.default.removeItem(atPath: path(to))
        try FileManager.default.moveItem(atPath: path(from), toPath: path(to))
    }

    func copyAndTruncate(_ name: String, to copy: String) throws {
        _ = try? FileManager.default.removeItem(atPath: path(copy))
        try FileManager.default.copyItem(atPath: path(name), toPath: path(copy))
        // What was copied is what was there: the copy's time is now.
        try FileManager.default.setAttributes([.modificationDate: Date.now], ofItemAtPath: path(copy))
        try truncate(name)
    }

    func truncate(_ name: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path(name)))
        try file.truncate(atOffset: 0)
        try file.close()
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }
}

private final class SceneTime: Sendable {
    let now = Atomic<UInt64>(1_000_000_000_000)
    /// Seconds that the wall clock was set forward.
    let wallOffset = Atomic<Int64>(0)
}

/// Nil if both are the same; else, in short, where they begin to differ.
func difference(_ actual: [String], _ expected: [String]) -> String? {
    if actual == expected { return nil }
    let same = zip(actual, expected).prefix { $0 == $1 }.count
    return
        "\(actual.count) instead of \(expected.count); from \(same): \(actual.dropFirst(same).prefix(3)) instead of \(expected.dropFirst(same).prefix(3))"
}

/// `line 00000001` and so on, each with a time, so that each is a message of its own.
func numbered(_ range: Range<Int>) -> String {
    range.map { "2026-01-01 00:00:00 INFO line \($0)\n" }.joined()
}

func lines(_ range: Range<Int>) -> [String] { range.map { "2026-01-01 00:00:00 INFO line \($0)" } }
