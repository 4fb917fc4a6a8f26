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
    /// Bytes of the current message that are still to come.
    private var rest = 0
    private(set) var isLost = false

    init(limit: Int = 4096) { self.limit = limit }

    /// Whether the next byte begins a message.
    var isAtBoundary: Bool { kept.isEmpty && rest == 0 && !isLost }

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

    /// Reads a segment. `body` gets the bytes from the beginning of a message as far as they are there, and whether no more
    /// will come of what follows them at once (a part of the stream was not captured).
    mutating func feed(
        _ bytes: RawSpan, missing: Int, tail: Int, _ body: (_ message: RawSpan, _ isFinal: Bool) -> Step
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
                // A little more than wanted: who looks for the end of a line would be asked for every single byte.
                let more = min(max(wanted - kept.count, 64), bytes.byteCount - start)
                bytes.extracting(start..<(start + more)).withUnsafeBytes { kept.append(contentsOf: $0) }
                start += more
                if kept.count < wanted { continue }
                readKept(isFinal: false, body)
                continue
            }
            let available = bytes.extracting(start..<bytes.byteCount)
            switch body(available, false) {
            case .message(let length):
                guard length > 0 else { return lose() }
                rest = length
            case .more(let count):
                if available.byteCount >= limit {
                    start += finish(available, body)
                    continue
                }
                wanted = min(max(count, available.byteCount + 1), limit)
                available.withUnsafeBytes { kept.append(contentsOf: $0) }
                start = bytes.byteCount
            case .lost:
                return lose()
            }
        }
        pass(tail, body)
    }

    /// So many bytes of the stream were not captured.
    private mutating func pass(_ count: Int, _ body: (RawSpan, Bool) -> Step) {
        guard count > 0, !isLost else { return }
        if !kept.isEmpty { readKept(isFinal: true, body) }
        if isLost { return }
        if count <= rest { rest -= count } else { lose() }
    }

    private mutating func readKept(isFinal: Bool, _ body: (RawSpan, Bool) -> Step) {
        while !kept.isEmpty {
            let isLast = isFinal || kept.count >= limit
            let step = kept.withUnsafeBytes { body(RawSpan(_unsafeBytes: $0), isLast) }
            switch step {
            case .message(let length) where length >= kept.count:
                rest = length - kept.count
                kept.removeAll(keepingCapacity: true)
            case .message(let length) where length > 0:
                // More than one message was kept.
                kept.removeFirst(length)
            case .more(let count) where !isLast:
                wanted = min(max(count, kept.count + 1), limit)
                return
            default:
                return lose()
            }
        }
    }

    /// Asks for the last time; returns how many bytes of `available` were passed.
    private mutating func finish(_ available: RawSpan, _ body: (RawSpan, Bool) -> Step) -> Int {
        guard case .message(let length) = body(available, true), length > 0 else {
            lose()
            return available.byteCount
        }
        rest = length
        return 0
    }
}
