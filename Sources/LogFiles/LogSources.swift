internal import Glibc
internal import Linux
public import Logs
public import Metrics

/// Everything that containers write to logs, read on one thread: their log files, other files that they keep, the journal.
///
/// Belongs to one lane. `update` says whose messages are wanted, `poll` reads what is there.
/// Bounds: `mostFollowers` files, `mostFilesPerContainer` of a container beside its own log.
public final class LogSources {
    private static let mostFollowers = 10_000
    private static let mostFilesPerContainer = 100
    /// Processes that are looked at for open files in a second.
    private static let scansPerRound = 64
    private static let searchInterval: UInt64 = 10_000_000_000
    /// How long one call of `poll` reads.
    private static let slice: UInt64 = 50_000_000
    private static let shortestDelay: UInt64 = 1_000_000
    private static let longestDelay: UInt64 = 250_000_000
    /// While messages are on their way to a receiver: what it has taken and no checkpoint knows is repeated after a kill.
    private static let settlingDelay: UInt64 = 5_000_000
    /// Pause while the sink is full.
    private static let fullPause: UInt64 = 10_000_000
    /// A checkpoint is written after this many times of what the last one cost.
    private static let checkpointShare: UInt64 = 20
    /// How long it may take until a container is identified and followed, or the agent ends after it reads nothing more.
    private static let followingTime: UInt64 = 60_000_000_000

    private final class Entry {
        var target: LogTarget
        let logs: ContainerLogs
        var own: Followed?
        /// By path, as the container sees it.
        var files: [String: Followed] = [:]
        var searchedAt: UInt64 = 0

        init(_ target: LogTarget, logs: ContainerLogs) { (self.target, self.logs) = (target, logs) }

        var all: [Followed] { (own.map { [$0] } ?? []) + files.values }
    }

    private final class Followed {
        let key: String
        let follower: LogFollower
        init(key: String, _ follower: LogFollower) { (self.key, self.follower) = (key, follower) }
    }

    private let pass: LogPass
    private let hostRoot: LogRoot
    private let procfs: String
    private let hostName: String
    private let hostID: String
    /// Containers that began later are new: the time (CLOCK_REALTIME) of the agent's start, or, so that nobody is missed who began while
    /// none ran, `followingTime` before the last checkpoint of the one before: whom that one followed, the checkpoint names.
    public let newSince: UInt64
    private var entries: [String: Entry] = [:]
    private var followers: [Followed] = []
    /// Logs of containers that are no more, read to their end.
    private var ending: [(entry: Entry, followed: Followed)] = []
    private var turn = 0
    /// CLOCK_MONOTONIC: before it no log is looked at.
    private var nextLook: UInt64 = 0
    /// Up to where all followers took note of what is settled.
    private var noted: UInt64 = 0
    private var scans: [(containerID: String, pid: UInt32)] = []
    private var scanned: Set<UInt32> = []
    private var nextScan = 0
    private var checkpoint: Checkpoint
    private var isCheckpointDue = false
    private var checkpointedAt: UInt64 = 0
    private var checkpointCost: UInt64 = 0
    private let journal: JournalSource?

    /// - Parameters:
    ///   - hostRoot: where the host's files are seen, `/proc/1/root` or empty for `/`.
    ///   - readsJournal: whether the host's journal is read, if there are a journal and a library for it.
    public init(
        settings: LogSettings, sink: (any LogSink)?, hostRoot: String, procfs: String = "/proc", hostName: String,
        hostID: String, readsJournal: Bool = true, drops: CounterTable, faults: CounterTable, clock: LogClock = .kernel
    ) {
        pass = LogPass(settings: settings, sink: sink, drops: drops, faults: faults, clock: clock)
        self.hostRoot = LogRoot(host: hostRoot)
        (self.procfs, self.hostName, self.hostID) = (procfs, hostName, hostID)
        let began = pass.wallTime
        checkpoint = settings.checkpointPath.isEmpty ? Checkpoint() : Checkpoint.load(settings.checkpointPath)
        let isRecent = checkpoint.savedAt < began && (began - checkpoint.savedAt) / 1_000_000_000 < Checkpoint.lifetime
        newSince = isRecent ? checkpoint.savedAt - min(checkpoint.savedAt, Self.followingTime) : began
        checkpoint.expire(now: pass.wallTime / 1_000_000_000)
        journal = readsJournal ? JournalSource(hostRoot: hostRoot, pass: pass) : nil
        if let journal { journal.start(after: checkpoint.cursors[journal.directory]) }
    }

    /// What is read of the journal, for the log; nil where nothing is, with the reason.
    public var journalState: (directory: String?, problem: String) { (journal?.openDirectory, journal?.problem ?? "") }

    // MARK: Whose

    /// The containers whose messages are wanted from now on. Those that were before and are no more are read to their end.
    ///
    /// - Parameter undecided: names in the journal of those that are not identified yet; nil while there may be others.
    public func update(_ targets: [LogTarget], undecided: Set<String>? = []) {
        pass.tick()
        var wanted: Set<String> = []
        for target in targets {
            wanted.insert(target.containerID)
            let entry = entries[target.containerID] ?? open(target)
            follow(target, entry)
        }
        for (id, entry) in entries where !wanted.contains(id) { close(entry, id) }
        journal?.update(entries.values.map { ($0.target, $0.logs) }, undecided: undecided)
        listScans(targets)
        scan()
        nextLook = 0
    }

    private func open(_ target: LogTarget) -> Entry {
        let owner = LogOwner(
            serviceName: target.serviceName, containerID: target.containerID, hostName: hostName, hostID: hostID)
        let entry = Entry(target, logs: ContainerLogs(owner: owner, settings: pass.settings))
        entries[target.containerID] = entry
        return entry
    }

    private func close(_ entry: Entry, _ id: String) {
        for followed in entry.all { end(followed, entry) }
        entries[id] = nil
    }

    private func end(_ followed: Followed, _ entry: Entry) {
        followed.follower.isEnding = true
        ending.append((entry, followed))
    }

    private func follow(_ target: LogTarget, _ entry: Entry) {
        entry.target = target
        if let own = entry.own, own.follower.path != target.logPath {
            end(own, entry)
            entry.own = nil
        }
        if entry.own == nil, !target.logPath.isEmpty {
            let start: LogFollower.Start = target.isNew ? .time(newSince) : .end
            entry.own = follow(
                target.logPath, in: hostRoot, key: "host:" + target.logPath, target.format,
                entry.logs.source("stdout/stderr"), start)
        }
        // Most files of a container were found through the same process.
        var reachable: LogRoot?
        for (path, followed) in entry.files where followed.follower.root !== reachable {
            if followed.follower.isReachable {
                reachable = followed.follower.root
                continue
            }
            // The process through which it was opened has ended; another one sees the same files.
            if let root = root(of: target) {
                followed.follower.root = root
            } else {
                entry.files[path] = nil
                end(followed, entry)
            }
        }
        search(target, entry)
    }

    private func follow(
        _ path: String, in root: LogRoot, key: String, _ format: LogFormat, _ source: SourceLogs,
        _ start: LogFollower.Start
    ) -> Followed? {
        guard followers.count < Self.mostFollowers else {
            pass.drops.add("log_files_full")
            return nil
        }
        let follower = LogFollower(path, in: root, format: format, source: source, pass: pass)
        follower.start(checkpoint.files[key]?.positions ?? [], otherwise: start)
        let followed = Followed(key: key, follower)
        followers.append(followed)
        isCheckpointDue = true
        return followed
    }

    private func root(of target: LogTarget) -> LogRoot? {
        for pid in target.processes {
            if let root = try? LogRoot(procfs: procfs, pid: pid), root.isReachable { return root }
        }
        return nil
    }

    // MARK: Files of containers

    private func search(_ target: LogTarget, _ entry: Entry) {
        let rules = pass.settings.paths.filter { $0.matches(container: target.containerID) }
        guard !rules.isEmpty, pass.now &- entry.searchedAt >= Self.searchInterval, let root = root(of: target) else {
            return
        }
        entry.searchedAt = pass.now
        for rule in rules {
            let (paths, isComplete) = LogPathSearch.paths(rule, in: root)
            if !isComplete { pass.faults.add("log_path_too_many") }
            for path in paths { follow(file: path, in: root, entry) }
        }
    }

    private func follow(file path: String, in root: LogRoot, _ entry: Entry) {
        guard entry.files[path] == nil, path != entry.target.logPath, root.status(path) != nil else { return }
        guard entry.files.count < Self.mostFilesPerContainer else {
            pass.drops.add("log_files_full")
            return
        }
        entry.files[path] = follow(
            path, in: root, key: "container:\(entry.target.containerID):\(path)", .plain, entry.logs.source(path),
            entry.target.isNew ? .beginning : .end)
    }

    /// New processes first, then all in turn.
    private func listScans(_ targets: [LogTarget]) {
        var fresh: [(String, UInt32)] = []
        var all: [(containerID: String, pid: UInt32)] = []
        var alive: Set<UInt32> = []
        for target in targets {
            for pid in target.processes {
                all.append((target.containerID, pid))
                alive.insert(pid)
                // A process needs a moment to open its files.
                if !scanned.contains(pid) { fresh.append((target.containerID, pid)) }
            }
        }
        scanned.formIntersection(alive)
        scans = all
        for (id, pid) in fresh.prefix(Self.scansPerRound) { scan(id, pid) }
    }

    private func scan() {
        for _ in 0..<min(Self.scansPerRound, scans.count) {
            nextScan = (nextScan + 1) % scans.count
            scan(scans[nextScan].containerID, scans[nextScan].pid)
        }
    }

    private func scan(_ id: String, _ pid: UInt32) {
        scanned.insert(pid)
        guard let entry = entries[id] else { return }
        let paths = WrittenLogs.paths(procfs: procfs, pid: pid) { entry.files[$0] != nil }
        guard !paths.isEmpty, let root = try? LogRoot(procfs: procfs, pid: pid) else { return }
        for path in paths { follow(file: path, in: root, entry) }
    }

    // MARK: Reading

    /// Reads what is there, for a while. Returns after how many nanoseconds it wants to be called again.
    public func poll() -> UInt64 {
        pass.tick()
        let begin = pass.now
        // While a batch is on its way somebody comes every few milliseconds, and finds nothing new mostly.
        if begin < nextLook, pass.settled == noted {
            writeCheckpointIfDue()
            return pass.taken > pass.settled ? Self.settlingDelay : min(Self.longestDelay, nextLook - begin)
        }
        var isUnfinished = false
        nextLook = begin + Self.longestDelay
        for _ in followers.indices {
            guard pass.hasRoom else {
                nextLook = 0
                break
            }
            turn = turn + 1 < followers.count ? turn + 1 : 0
            let follower = followers[turn].follower
            if follower.nextPoll > pass.now {
                nextLook = min(nextLook, follower.nextPoll)
                continue
            }
            if follower.poll() == .more { isUnfinished = true }
            settle(followers[turn])
            nextLook = min(nextLook, follower.nextPoll)
            pass.tick()
            writeCheckpointIfDue()
            if pass.now &- begin > Self.slice {
                isUnfinished = true
                break
            }
        }
        if let journal, pass.hasRoom, journal.poll() { isUnfinished = true }
        if isUnfinished { nextLook = 0 }
        pass.tick()
        noted = pass.settled
        for followed in followers { settle(followed) }
        if let journal, let cursor = journal.settle() {
            checkpoint.cursors[journal.directory] = cursor
            isCheckpointDue = true
        }
        forgetEnded()
        writeCheckpointIfDue()
        if isUnfinished, pass.hasRoom { return Self.shortestDelay }
        if pass.taken > pass.settled { return Self.settlingDelay }
        return pass.hasRoom ? Self.longestDelay : Self.fullPause
    }

    private func forgetEnded() {
        if ending.isEmpty { return }
        ending.removeAll { _, followed in
            guard followed.follower.isDone else { return false }
            followers.removeAll { $0 === followed }
            checkpoint.files[followed.key] = nil
            isCheckpointDue = true
            return true
        }
        if turn >= followers.count { turn = 0 }
    }

    /// What changed since the last call.
    public func changes() -> [LogReading] {
        var readings: [LogReading] = []
        func add(_ entry: Entry) {
            for source in entry.logs.sources.values where source.isChanged {
                source.isChanged = false
                readings.append(
                    LogReading(
                        containerID: entry.target.containerID, source: source.name,
                        patterns: source.patterns.patterns))
            }
        }
        for entry in entries.values { add(entry) }
        for (entry, _) in ending { add(entry) }
        return readings
    }

    // MARK: Checkpoints

    private func settle(_ followed: Followed) {
        if followed.follower.settle() { isCheckpointDue = true }
    }

    private func writeCheckpointIfDue() {
        guard isCheckpointDue, pass.now &- checkpointedAt >= Self.checkpointShare * checkpointCost else { return }
        writeCheckpoint()
    }

    /// Writes down what is settled. To be called once more after the sink has settled everything.
    public func writeCheckpoint() {
        isCheckpointDue = false
        if pass.settings.checkpointPath.isEmpty { return }
        pass.tick()
        let begin = MonotonicClock.now()
        let seconds = pass.wallTime / 1_000_000_000
        for followed in followers {
            _ = followed.follower.settle()
            let positions = followed.follower.positions
            if positions.isEmpty { continue }
            checkpoint.files[followed.key] = Checkpoint.Entry(positions: positions, seen: seconds)
        }
        if let journal, let cursor = journal.settle() { checkpoint.cursors[journal.directory] = cursor }
        do throws(Errno) {
            try checkpoint.save(pass.settings.checkpointPath, at: pass.wallTime)
        } catch {
            pass.faults.add("log_checkpoint_write")
        }
        checkpointedAt = MonotonicClock.now()
        checkpointCost = checkpointedAt &- begin
    }
}
