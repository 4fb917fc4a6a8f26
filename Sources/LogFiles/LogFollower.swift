internal import Glibc
internal import Linux
internal import Logs

/// Follows one log file through its rotations: by renaming, by copying and emptying, by deletion.
///
/// Invariants: `files` are in the order in which they were written, and each is read to its end before the next; the last is
/// the one at the path, if any is. A line is handed on once it is complete, or once its file was rotated away; nothing of a file
/// is kept in memory but a message that may go on.
final class LogFollower {
    /// What became of a look at the files.
    enum Progress { case idle, read, more }

    /// Bytes that are read of one log before the next has its turn.
    private static let turn = 1 << 20
    private static let pathInterval: UInt64 = 900_000_000
    /// How long a message waits for more lines.
    private static let joinTime: UInt64 = 1_000_000_000
    /// How long an unfinished line of a rotated file is waited for.
    private static let tailTime: UInt64 = 1_000_000_000
    private static let shortestPause: UInt64 = 250_000_000
    /// Between looks at a file that had something to read at each of the last ones: much at a time costs less.
    private static let busyPause: UInt64 = 750_000_000
    private static let longestPause: UInt64 = 1_000_000_000
    /// Rotated files that are held for one log.
    private static let mostFiles = 64

    let path: String
    var root: LogRoot
    private let source: SourceLogs
    private let pass: LogPass
    /// How long a file that was rotated away is held without growth.
    private let retirement: UInt64
    private var format: LogFormat
    // Not checked at run time: messages go to a sink, which does not come back here.
    @exclusivity(unchecked) private var reader: LogReader
    private(set) var files: [OpenLogFile] = []
    private var generation: UInt64 = 0
    private var checkedPathAt: UInt64 = 0
    private var pause = shortestPause
    private var wasRead = false
    /// CLOCK_MONOTONIC.
    private(set) var nextPoll: UInt64 = 0
    private var counted = Losses()
    /// Whether nobody writes the log any more: it is read to its end and closed.
    var isEnding = false
    private var isSniffed = false
    /// How to begin with a file that could not be opened yet.
    private var pending: Start?

    /// What a reader has counted that was told already.
    private struct Losses {
        var malformed: UInt64 = 0
        var cut: UInt64 = 0
        var repaired: UInt64 = 0
    }

    /// Where to begin where no checkpoint says.
    enum Start {
        case beginning
        /// At the lines that are not older (nanoseconds since the Unix epoch); formats without a time have all of them.
        case time(UInt64)
        case end
    }

    init(
        _ path: String, in root: LogRoot, format: LogFormat, source: SourceLogs, pass: LogPass,
        retirement: UInt64 = 60_000_000_000
    ) {
        (self.path, self.root, self.format, self.source, self.pass) = (path, root, format, source, pass)
        self.retirement = retirement
        reader = LogReader(format, parsesJSON: pass.settings.parsesJSON, redactor: pass.redactor)
    }

    /// Opens what is there; `known` is what a checkpoint says.
    func start(_ known: [FilePosition], otherwise start: Start) {
        checkedPathAt = pass.now
        pending = nil
        if known.isEmpty {
            guard let file = open(path) else {
                if root.status(path) != nil { pending = start }
                return
            }
            switch start {
            case .beginning: break
            case .time(let time): reader.notBefore = time
            case .end: skipToEnd(file)
            }
            files = [file]
        } else {
            resume(known)
        }
    }

    var isReachable: Bool { root.isReachable }

    var isDone: Bool { isEnding && files.isEmpty && !reader.isOpen }

    /// How far the files were read, the oldest first. A file of which nothing is needed any more is left out.
    var positions: [FilePosition] {
        files.enumerated().compactMap { index, file in
            index < files.count - 1 && isFinished(file) ? nil : file.position
        }
    }

    /// Takes note of what is settled. True if something changed.
    func settle() -> Bool {
        var isChanged = false
        let settled = pass.settled
        for file in files where file.settle(settled) { isChanged = true }
        return isChanged
    }

    private func isFinished(_ file: OpenLogFile) -> Bool {
        file.settled >= file.seenSize && file.offset >= file.seenSize && file.seenSize > 0
    }

    // MARK: A look

    func poll() -> Progress {
        var budget = Self.turn
        var isRead = false
        var index = 0
        while index < files.count {
            let file = files[index]
            let isLast = index == files.count - 1
            switch read(file, &budget) {
            case .more:
                nextPoll = 0
                return .more
            case .emptied:
                isRead = true
                emptied(at: index)
                continue
            case .read: isRead = true
            case .idle: break
            }
            if !isLast, !finishTail(of: file) { break }
            index += 1
        }
        if pass.now &- checkedPathAt >= Self.pathInterval { isRead = checkPath() || isRead }
        flush()
        retire()
        mark()
        report()
        if isRead, wasRead {
            pause = Self.busyPause
        } else {
            pause = isRead || reader.isOpen ? Self.shortestPause : min(Self.longestPause, pause * 2)
        }
        wasRead = isRead
        nextPoll = pass.now &+ pause
        return isRead ? .read : .idle
    }

    private enum ReadResult { case idle, read, more, emptied }

    private func read(_ file: OpenLogFile, _ budget: inout Int) -> ReadResult {
        do throws(Errno) {
            let (status, isSame) = try file.check(beforeReading: true)
            guard isSame else { return .emptied }
            let modified = status.modified
            if file.fingerprint.length == 0, file.offset == 0, !file.isKnown, modified != file.seenModified {
                // It was empty when it was seen last. Somebody may have copied and emptied it since, and more than once.
                file.isKnown = status.size > 0
                return .emptied
            }
            if status.size == file.seenSize {
                file.seenModified = modified
                return .idle
            }
            guard try file.refingerprint() else { return .emptied }
            file.grewAt = pass.now
            sniff(file)
            while true {
                guard pass.hasRoom, budget > 0 else { return .more }
                let begin = file.offset
                let count = try file.descriptor.pread(into: pass.buffer, at: Int(begin))
                // Looked at after the bytes were read: if it is still the same file, so are they.
                guard try file.check().isSame else { return .emptied }
                if count > 0 { consume(file, count) }
                // A line that does not end is read again when it has grown.
                if count < pass.buffer.count {
                    (file.seenSize, file.seenModified) = (begin + UInt64(count), modified)
                    return .read
                }
                budget -= count
                mark()
            }
        } catch {
            pass.faults.add("log_read")
            return .idle
        }
    }

    /// Hands on the lines in the first `count` bytes of the buffer.
    private func consume(_ file: OpenLogFile, _ count: Int) {
        // The buffer lives as long as the pass, and nobody writes to it meanwhile.
        let bytes = pass.buffer.assumingMemoryBound(to: UInt8.self)
        let piece = bytes.extracting(..<count).span
        let framing = format.framing
        let (base, generation) = (file.offset, file.generation)
        let (source, pass) = (source, pass)
        var start = 0
        if file.isSkipping {
            guard case .whole(let rest, let next) = LogFraming.lines.entry(in: piece, from: 0) else {
                skip(count, file)
                file.offset += UInt64(count)
                return
            }
            skip(rest.count, file)
            file.isSkipping = false
            file.countsSkipped = true
            start = next
        }
        var lost = 0
        scan: while start < count {
            switch framing.entry(in: piece, from: start) {
            case .whole(let range, let next):
                reader.add(
                    piece.extracting(range), at: Self.position(generation, base + UInt64(start)), readAt: pass.wallTime
                ) { source.take($0, $1, pass) }
                start = next
            case .malformed:
                lost += 1
                start += 1
            case .partial:
                guard start == 0, count == pass.buffer.count, framing == .lines else { break scan }
                // No message is as long: what is here is more than is kept of it.
                reader.add(piece, at: Self.position(generation, base), readAt: pass.wallTime) {
                    source.take($0, $1, pass)
                }
                file.isSkipping = true
                start = count
            }
        }
        if lost > 0 { pass.drops.add("log_malformed_bytes", UInt64(lost)) }
        file.offset = base + UInt64(start)
    }

    private func skip(_ count: Int, _ file: OpenLogFile) {
        if file.countsSkipped, count > 0 { pass.drops.add("log_line_too_long_bytes", UInt64(count)) }
    }

    /// A position in the whole of the log: files after one another, each of less than a tebibyte.
    private static func position(_ generation: UInt64, _ offset: UInt64) -> UInt64 {
        generation << 40 | min(offset, 1 << 40 - 1)
    }

    /// A file of Kubernetes may be a link to one of Docker's.
    private func sniff(_ file: OpenLogFile) {
        guard !isSniffed, format == .cri else { return }
        isSniffed = true
        let head = UnsafeMutableRawBufferPointer(rebasing: pass.buffer[..<1])
        guard let count = try? file.descriptor.pread(into: head), count == 1, head[0] == UInt8(ascii: "{") else {
            return
        }
        format = .docker
        let notBefore = reader.notBefore
        reader = LogReader(.docker, parsesJSON: pass.settings.parsesJSON, redactor: pass.redactor)
        reader.notBefore = notBefore
    }

    /// Hands on the line without an end that a rotated file ends with. False while it may still be written.
    private func finishTail(of file: OpenLogFile) -> Bool {
        guard file.offset < file.seenSize else { return true }
        if pass.now &- file.grewAt < Self.tailTime { return false }
        let length = Int(min(file.seenSize - file.offset, UInt64(pass.buffer.count)))
        let tail = UnsafeMutableRawBufferPointer(rebasing: pass.buffer[..<length])
        guard let count = try? file.descriptor.pread(into: tail, at: Int(file.offset)), count > 0 else { return true }
        if format.framing == .lines, !file.isSkipping {
            let bytes = tail.assumingMemoryBound(to: UInt8.self)
            let piece = bytes.extracting(..<count).span
            let (source, pass) = (source, pass)
            reader.add(piece, at: Self.position(file.generation, file.offset), readAt: pass.wallTime) {
                source.take($0, $1, pass)
            }
        } else {
            pass.drops.add("log_malformed_bytes", UInt64(count))
        }
        file.offset += UInt64(count)
        return file.offset >= file.seenSize
    }

    private func flush() {
        guard reader.isOpen || isEnding, pass.hasRoom else { return }
        let (source, pass) = (source, pass)
        if isEnding, files.isEmpty {
            reader.endParts { source.take($0, $1, pass) }
            return reader.flush { source.take($0, $1, pass) }
        }
        reader.flush(before: pass.wallTime &- Self.joinTime, now: pass.wallTime) { source.take($0, $1, pass) }
        if !reader.isOpen { reader.trim() }
    }

    /// Notes what was handed on so far.
    private func mark() {
        let oldest = reader.oldestPosition
        let taken = pass.taken
        for file in files {
            var place = file.offset
            if let oldest {
                let generation = oldest >> 40
                if generation < file.generation { continue }
                if generation == file.generation { place = oldest & (1 << 40 - 1) }
            }
            file.marks.add(place, taken: taken)
        }
    }

    private func report() {
        let now = Losses(
            malformed: reader.malformedLines, cut: reader.cutBytes, repaired: reader.repairedLines)
        if now.malformed > counted.malformed {
            pass.drops.add("log_malformed_lines", now.malformed - counted.malformed)
        }
        if now.cut > counted.cut { pass.drops.add("log_message_too_long_bytes", now.cut - counted.cut) }
        if now.repaired > counted.repaired { pass.faults.add("log_invalid_utf8", now.repaired - counted.repaired) }
        counted = now
    }

    // MARK: Rotation

    /// True if there is something new at the path.
    private func checkPath() -> Bool {
        checkedPathAt = pass.now
        if isEnding, !files.isEmpty { return false }
        guard let status = root.status(path) else { return false }
        guard let last = files.last else {
            if isEnding { return false }
            if let pending {
                start([], otherwise: pending)
                return !files.isEmpty
            }
            guard let file = open(path) else { return false }
            files.append(file)
            return true
        }
        if last.identity == status.identity { return false }
        // What lies between was rotated since the last look.
        append(newerThan: last.modified, at: status.identity)
        if let file = open(path) { files.append(file) }
        return true
    }

    /// Opens the rotated files that were written to after `time`, but not `current` or any that is open.
    private func append(newerThan time: UInt64, at current: FileStatus.Identity?) {
        let rotated = RotatedFiles(of: path, in: root)
        if !rotated.isComplete { pass.faults.add("log_directory_too_large") }
        for found in rotated.files {
            guard found.status.modified > time, found.status.identity != current,
                !files.contains(where: { $0.identity == found.status.identity }), files.count < Self.mostFiles,
                let file = open(found.path), file.identity == found.status.identity
            else { continue }
            files.append(file)
        }
    }

    /// The file at `index` has become shorter, or another: somebody copied and emptied it. What was not read is in the copy.
    private func emptied(at index: Int) {
        let file = files[index]
        let others = Array(files[(index + 1)...])
        files.removeSubrange(index...)
        let position = FilePosition(
            identity: file.identity, fingerprint: file.fingerprint, offset: file.offset, modified: file.modified)
        if file.fingerprint.length == 0 {
            append(newerThan: file.seenModified, at: file.identity)
        } else if let (copy, modified) = copy(of: position) {
            files.append(copy)
            append(newerThan: modified, at: file.identity)
        } else {
            // Nothing says how much it was.
            pass.faults.add("log_truncated")
        }
        if let fresh = reopen(file) {
            fresh.isKnown = file.isKnown
            files.append(fresh)
        }
        files += others
    }

    /// The same open file as one of a new generation, from its beginning.
    private func reopen(_ file: OpenLogFile) -> OpenLogFile? {
        guard let descriptor = try? file.descriptor.duplicate() else { return nil }
        generation += 1
        return try? OpenLogFile(descriptor, offset: 0, generation: generation, now: pass.now)
    }

    /// The rotated file that begins as one that was read to `position`, opened there.
    private func copy(of position: FilePosition) -> (file: OpenLogFile, modified: UInt64)? {
        guard position.fingerprint.length > 0 else { return nil }
        for found in RotatedFiles(of: path, in: root).files.reversed() {
            guard found.status.identity != position.identity, found.status.size >= position.offset,
                let file = open(found.path, at: position.offset), file.identity == found.status.identity,
                let head = try? OpenLogFile.fingerprint(file.descriptor, limit: position.fingerprint.length),
                head == position.fingerprint
            else { continue }
            return (file, found.status.modified)
        }
        return nil
    }

    /// Goes on where a checkpoint ended.
    private func resume(_ known: [FilePosition]) {
        let rotated = RotatedFiles(of: path, in: root).files
        let current = root.status(path)
        var newest: UInt64 = 0
        for position in known {
            newest = max(newest, position.modified)
            // Of an empty file nothing is known but when it was emptied: what was rotated since is newer.
            if position.fingerprint.length == 0, position.offset == 0 { continue }
            if let file = find(position, rotated, current) {
                files.append(file)
                newest = max(newest, file.modified)
            } else if let (file, modified) = copy(of: position) {
                files.append(file)
                newest = modified
            } else {
                pass.faults.add("log_position_lost")
            }
        }
        if let current, files.contains(where: { $0.identity == current.identity }) { return }
        append(newerThan: newest, at: current?.identity)
        if let file = open(path) { files.append(file) }
    }

    private func find(
        _ position: FilePosition, _ rotated: [RotatedFiles.File], _ current: FileStatus?
    ) -> OpenLogFile? {
        var path = rotated.first { $0.status.identity == position.identity }?.path
        if current?.identity == position.identity { path = self.path }
        guard let path, let file = open(path, at: position.offset), file.identity == position.identity,
            let status = try? FileStatus(file.descriptor), status.size >= position.offset,
            let head = try? OpenLogFile.fingerprint(file.descriptor, limit: position.fingerprint.length),
            head == position.fingerprint
        else { return nil }
        return file
    }

    private func open(_ path: String, at offset: UInt64 = 0) -> OpenLogFile? {
        do throws(Errno) {
            let descriptor = try root.open(path)
            generation += 1
            return try OpenLogFile(descriptor, offset: offset, generation: generation, now: pass.now)
        } catch {
            if error != .notFound, error != .noProcess { pass.faults.add("log_open") }
            return nil
        }
    }

    /// Begins at the next line that is written.
    private func skipToEnd(_ file: OpenLogFile) {
        guard let status = try? FileStatus(file.descriptor), status.size > 0 else { return }
        let last = UnsafeMutableRawBufferPointer(rebasing: pass.buffer[..<1])
        let count = (try? file.descriptor.pread(into: last, at: Int(status.size - 1))) ?? 0
        file.begin(at: status.size)
        if format.framing == .lines, count == 1, last[0] != UInt8(ascii: "\n") {
            (file.isSkipping, file.countsSkipped) = (true, false)
        }
    }

    /// Closes files that were rotated away and do not grow any more.
    private func retire() {
        for index in files.indices.reversed() {
            let file = files[index]
            // A deleted file holds space on its disk.
            let isCurrent = index == files.count - 1 && !isEnding && !file.isDeleted
            guard !isCurrent, file.offset >= file.seenSize || finishTail(of: file) else { continue }
            let hold = isEnding ? Self.tailTime : retirement
            if pass.now &- file.grewAt >= hold, file.settled >= file.seenSize,
                reader.oldestPosition.map({ $0 >> 40 != file.generation }) ?? true
            {
                files.remove(at: index)
            }
        }
    }
}
