internal import Glibc
internal import Linux
internal import Logs

/// Reads the host's journal: entries of systemd units and of containers whose runtime logs there.
///
/// An entry whose unit or container nobody wants yet waits, and all behind it: the agent may not know it yet. It waits for a moment,
/// and longer while it is known that there is such a container but not which: for it, or after the agent's start for all that are
/// older.
/// Bounds: `mostUnwanted` names that are remembered as nobody's.
final class JournalSource {
    private static let entriesAtOnce = 512
    private static let mostUnwanted = 4096
    /// How old an entry becomes before it is nobody's.
    private static let patience: UInt64 = 3_000_000_000
    /// How long somebody stays undecided before his entries are passed over.
    private static let longestWait: UInt64 = 60_000_000_000
    private static let joinTime: UInt64 = 1_000_000_000
    private static let retryPause: UInt64 = 10_000_000_000

    private final class Reader {
        var reader: LogReader
        let source: SourceLogs
        // Keeps the container of the source.
        let logs: ContainerLogs
        var cut: UInt64 = 0

        init(_ logs: ContainerLogs, _ pass: LogPass) {
            self.logs = logs
            source = logs.source("journald")
            reader = LogReader(.plain, parsesJSON: pass.settings.parsesJSON, redactor: pass.redactor)
        }
    }

    /// What is known of the entry that is next.
    private struct Entry {
        var unit = ""
        var runtimeID = ""
        var name: String { runtimeID.isEmpty ? unit : runtimeID }
    }

    private let hostRoot: String
    private let pass: LogPass
    private var journal: Journal?
    private(set) var openDirectory: String?
    private(set) var problem = ""
    private var retryAt: UInt64 = 0
    /// Where to begin once it can be opened.
    private var begin: String?
    private var wasTried = false
    private var readers: [String: Reader] = [:]
    private var unwanted: Set<String> = []
    /// Names of which it is not known yet whether they are wanted, and since when that is so.
    private var undecided: [String: UInt64] = [:]
    /// Until when a name that was not heard of may be that of somebody older than the agent; nil once all of them are known.
    private var unknownUntil: UInt64?
    private var position: UInt64 = 0
    private var marks = SettlingMarks<String>()
    /// The cursors of places that not everything before was handed on, oldest first.
    private var reached: [(position: UInt64, cursor: String)] = []

    init(hostRoot: String, pass: LogPass) {
        (self.hostRoot, self.pass) = (hostRoot, pass)
        unknownUntil = pass.now &+ Self.longestWait
    }

    /// The name under which its cursor is kept.
    var directory: String { "journal" }

    func start(after cursor: String?) {
        begin = cursor
        open()
    }

    /// The first of the two directories that has files, as the original looks for it.
    private func open() {
        retryAt = pass.now &+ Self.retryPause
        let isFirst = !wasTried
        wasTried = true
        let places = pass.settings.journalDirectory.map { [$0] }
        for path in places ?? [hostRoot + "/run/log/journal", hostRoot + "/var/log/journal"] where Self.hasFiles(path) {
            do throws(Journal.Problem) {
                let journal = try Journal(directory: path)
                if let begin {
                    if !journal.seek(after: begin) { pass.faults.add("log_position_lost") }
                } else if isFirst {
                    journal.seekToEnd()
                } else {
                    // It began after the agent.
                    journal.seekToBeginning()
                }
                self.journal = journal
                openDirectory = path
                problem = ""
            } catch {
                problem = error.reason
            }
            return
        }
        problem = "there is no journal"
    }

    private static func hasFiles(_ path: String) -> Bool {
        for machine in (try? Linux.Directory.names(path, limit: 16)) ?? [] {
            let names = (try? Linux.Directory.names(path + "/" + machine, limit: 1000)) ?? []
            if names.contains(where: { $0.hasSuffix(".journal") }) { return true }
        }
        return false
    }

    /// - Parameter undecided: names whose containers are not identified yet; nil while there may be others.
    func update(_ targets: [(LogTarget, ContainerLogs)], undecided names: Set<String>?) {
        if let names {
            unknownUntil = nil
            let known = undecided
            undecided = [:]
            for name in names { undecided[name] = known[name] ?? pass.now }
        }
        var wanted: Set<String> = []
        for (target, logs) in targets {
            let name = target.runtimeID.isEmpty ? target.unit : target.runtimeID
            if name.isEmpty { continue }
            wanted.insert(name)
            if readers[name]?.logs !== logs { readers[name] = Reader(logs, pass) }
            unwanted.remove(name)
        }
        for (name, reader) in readers where !wanted.contains(name) {
            flush(reader, before: .max)
            readers[name] = nil
        }
        if journal == nil, pass.now >= retryAt { open() }
    }

    /// Reads what is there. True if there is more.
    func poll() -> Bool {
        guard let journal else { return false }
        journal.refresh()
        var count = 0
        var hasMore = false
        do throws(Errno) {
            while pass.hasRoom {
                guard count < Self.entriesAtOnce else {
                    hasMore = true
                    break
                }
                guard try journal.next() else { break }
                guard take(journal) else {
                    journal.unread()
                    break
                }
                count += 1
            }
        } catch {
            pass.faults.add("log_journal_read")
            begin = reached.last?.cursor ?? begin
            self.journal = nil
            retryAt = pass.now &+ Self.retryPause
        }
        if count > 0, let cursor = journal.cursor { reached.append((position, cursor)) }
        if pass.hasRoom { for reader in readers.values { flush(reader, before: pass.wallTime &- Self.joinTime) } }
        mark()
        return hasMore
    }

    /// False if the entry has to wait.
    private func take(_ journal: Journal) -> Bool {
        var entry = Entry()
        entry.runtimeID = journal.text("CONTAINER_ID_FULL") ?? ""
        if entry.runtimeID.isEmpty { entry.unit = journal.text("_SYSTEMD_UNIT") ?? "" }
        if entry.name.isEmpty || unwanted.contains(entry.name) {
            position += 1
            return true
        }
        guard let reader = readers[entry.name] else {
            let time = journal.time
            if time < pass.wallTime, pass.wallTime &- time > Self.patience {
                if let since = undecided[entry.name] {
                    if pass.now &- since < Self.longestWait { return false }
                    pass.drops.add("log_container_unidentified")
                    position += 1
                    return true
                }
                if let unknownUntil, pass.now < unknownUntil { return false }
                if unwanted.count >= Self.mostUnwanted { unwanted.removeAll() }
                unwanted.insert(entry.name)
                position += 1
                return true
            }
            return false
        }
        position += 1
        var origin = LineOrigin(time: journal.time)
        (origin.readAt, origin.position) = (pass.wallTime, position)
        let priority = journal.field("PRIORITY") { $0.count == 1 ? $0[0] &- UInt8(ascii: "0") : 255 } ?? 255
        if entry.runtimeID.isEmpty {
            origin.level = LogLevel(priority: priority)
        } else {
            // Docker and Podman say with it which stream it was.
            origin.stream = priority == 3 ? .stderr : .stdout
        }
        // Docker says of the last part as well that it is one; Podman does not.
        let isPart =
            Self.isTrue("CONTAINER_PARTIAL_MESSAGE", journal) && !Self.isTrue("CONTAINER_PARTIAL_LAST", journal)
        let pass = pass
        _ = journal.field("MESSAGE") { bytes in
            let text = bytes.assumingMemoryBound(to: UInt8.self)
            var line = text.span
            if line.count > 0, line[line.count - 1] == UInt8(ascii: "\n") { line = line.extracting(0..<line.count - 1) }
            let source = reader.source
            reader.reader.add(text: line, from: origin, isPart: isPart) { source.take($0, $1, pass) }
        }
        let cut = reader.reader.cutBytes
        if cut > reader.cut { pass.drops.add("log_message_too_long_bytes", cut - reader.cut) }
        reader.cut = cut
        return true
    }

    private static func isTrue(_ field: String, _ journal: Journal) -> Bool {
        journal.field(field) { $0.elementsEqual("true".utf8) } ?? false
    }

    private func flush(_ reader: Reader, before time: UInt64) {
        guard reader.reader.isOpen else { return }
        let (source, pass) = (reader.source, pass)
        reader.reader.flush(before: time, now: pass.wallTime) { source.take($0, $1, pass) }
        reader.reader.trim()
    }

    /// Notes up to which entry everything was handed on.
    private func mark() {
        var open = UInt64.max
        for reader in readers.values { open = min(open, reader.reader.oldestPosition ?? .max) }
        guard let index = reached.lastIndex(where: { $0.position < open }) else {
            // With a message that stays open the places pile up: the first and the last will do.
            if reached.count > 64 { reached.removeSubrange(1..<reached.count - 1) }
            return
        }
        marks.add(reached[index].cursor, taken: pass.taken)
        reached.removeFirst(index + 1)
    }

    /// The cursor before which everything is settled, if there is a new one.
    func settle() -> String? { marks.settle(pass.settled) }
}
