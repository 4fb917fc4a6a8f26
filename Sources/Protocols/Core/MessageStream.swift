/// One direction of a connection, cut into messages that say their own length.
///
/// Whoever feeds it decides at the beginning of each message how long that is; what is longer than what was captured is
/// skipped without being kept. A message whose beginning is cut by the end of a segment is put together again.
///
/// Invariants: never more than `limit` bytes are kept; `isLost` is set from a gap in the beginning of a message until
/// `restart`, and nothing is read meanwhile.
struct MessageStream {
    /// What the reader says of the bytes from the beginning of a message.
    enum Step: Equatable {
        /// The message has so many bytes in all, at least 1; it may be longer than what is there.
        case message(Int)
        /// It cannot be told before so many bytes are there. Not to be said when `isFinal`.
        case more(Int)
        /// This is no message.
        case lost
    }

    /// Bytes of a message's beginning that are kept over segments, at most.
    let limit: Int
    private var kept: [UInt8] = []
    private var wanted = 0
    /// When the first byte of what is kept was seen.
    private var keptSince: UInt64 = 0
    /// Bytes of the current message that are still to come.
    private var rest = 0
    private(set) var isLost = false
    /// How often a gap took the beginnings of messages.
    private(set) var gaps = 0

    init(limit: Int = 4096) { self.limit = limit }

    /// Whether the next byte begins a message.
    var isAtBoundary: Bool { kept.isEmpty && rest == 0 && !isLost }

    /// Whether the beginning of a message is there that could not be read yet.
    var isPartial: Bool { !kept.isEmpty }

    /// Bytes of the current message that are still to come, those that are there left out.
    var remaining: Int { rest }

    /// The next byte begins a message, whatever was before.
    mutating func restart() {
        kept.removeAll(keepingCapacity: true)
        rest = 0
        isLost = false
    }

    /// Forgets where messages begin.
    mutating func lose() {
        kept.removeAll(keepingCapacity: true)
        rest = 0
        isLost = true
    }

    /// Reads a segment. `body` gets the bytes from the beginning of a message as far as they are there, perhaps with the
    /// beginning of what follows it, and whether no more will come of what follows them at once (a part of the stream was not
    /// captured).
    mutating func feed(
        _ bytes: RawSpan, missing: Int, tail: Int, _ body: (_ message: RawSpan, _ isFinal: Bool) -> Step
    ) {
        feed(bytes, at: 0, missing: missing, tail: tail) { message, _, isFinal in body(message, isFinal) }
    }

    /// Reads a segment that was seen at `time`; `body` is also told when the first byte of the message was seen.
    mutating func feed(
        _ bytes: RawSpan, at time: UInt64, missing: Int, tail: Int,
        _ body: (_ message: RawSpan, _ start: UInt64, _ isFinal: Bool) -> Step
    ) {
        pass(missing, body)
        var start = 0
        while start < bytes.byteCount, !isLost {
            if rest > 0 {
                let passed = min(rest, bytes.byteCount - start)
                rest -= passed
                start += passed
                continue
            }
            if !kept.isEmpty {
                // More than is wanted, so that whoever looks for the end of a line does not ask byte by byte.
                let more = min(max(wanted - kept.count, 256), limit - kept.count, bytes.byteCount - start)
                bytes.extracting(start..<(start + more)).withUnsafeBytes { kept.append(contentsOf: $0) }
                start += more
                if kept.count < wanted { continue }
                // What is kept beyond the message is read again from the segment.
                start -= min(readKept(isFinal: kept.count >= limit, body), more)
                continue
            }
            let available = bytes.extracting(start..<bytes.byteCount)
            switch body(available, time, false) {
            case .message(let length):
                guard length > 0 else { return lose() }
                rest = length
            case .more(let count):
                if available.byteCount >= limit {
                    finish(available, time, body)
                    continue
                }
                wanted = min(max(count, available.byteCount + 1), limit)
                keptSince = time
                available.withUnsafeBytes { kept.append(contentsOf: $0) }
                start = bytes.byteCount
            case .lost:
                return lose()
            }
        }
        pass(tail, body)
    }

    /// Reads a segment; where a message begins is not known after a gap, `beginning` looks for it in the segment.
    mutating func feed(
        _ bytes: RawSpan, at time: UInt64, missing: Int, tail: Int, findingBy beginning: (RawSpan) -> Int?,
        _ body: (_ message: RawSpan, _ start: UInt64, _ isFinal: Bool) -> Step
    ) {
        pass(missing, body)
        guard isLost else { return feed(bytes, at: time, missing: 0, tail: tail, body) }
        guard let start = beginning(bytes) else { return }
        restart()
        feed(bytes.part(start), at: time, missing: 0, tail: tail, body)
    }

    /// So many bytes of the stream were not captured.
    private mutating func pass(_ count: Int, _ body: (RawSpan, UInt64, Bool) -> Step) {
        guard count > 0, !isLost else { return }
        // What is kept is one message: what follows a message is never kept.
        if !kept.isEmpty, readKept(isFinal: true, body) > 0 { lose() }
        if !isLost, count <= rest {
            rest -= count
        } else {
            lose()
            gaps &+= 1
        }
    }

    /// Reads the message whose beginning is kept; returns how many bytes are kept of what follows it.
    private mutating func readKept(isFinal: Bool, _ body: (RawSpan, UInt64, Bool) -> Step) -> Int {
        let (count, since) = (kept.count, keptSince)
        let step = kept.withUnsafeBytes { body(RawSpan(_unsafeBytes: $0), since, isFinal) }
        switch step {
        case .message(let length) where length > 0:
            rest = max(length - count, 0)
            kept.removeAll(keepingCapacity: true)
            return max(count - length, 0)
        case .more(let more) where !isFinal:
            wanted = min(max(more, count + 1), limit)
        default:
            lose()
        }
        return 0
    }

    /// Asks for the last time.
    private mutating func finish(_ available: RawSpan, _ time: UInt64, _ body: (RawSpan, UInt64, Bool) -> Step) {
        guard case .message(let length) = body(available, time, true), length > 0 else { return lose() }
        rest = length
    }
}
