internal import CEvents
internal import Containers
internal import Protocols

/// One connection whose segments come to user space: puts them in order, has them read and hands on what they tell.
///
/// Used on the events lane only.
final class RequestFlow: ExchangeReceiver {
    /// How long a later segment waits for an earlier one, in nanoseconds: some times the shortest retransmission time-out
    /// (TCP_RTO_MIN, include/net/tcp.h).
    private static let longestHole: UInt64 = 3_000_000_000

    /// What the kernel side said of the sampling of the request in hand, which it handed over alone.
    private enum Sampling {
        /// It is a stream: nothing.
        case open
        case drawn
        /// Not drawn; it may name a trace that is.
        case passed
        /// A stand-in, up to its answer: it has no text.
        case standIn
    }

    let id: UInt64
    private let target: RequestTarget
    private let settings: RequestSettings
    private var conversation: Conversation?
    private var isTLS = false
    /// Received, sent.
    private var positions = (StreamPosition(), StreamPosition())
    private var segments = 0
    private var isTold = false
    private var sampling = Sampling.open
    /// Those of the conversation that were counted.
    private var gaps = 0
    /// Its part of `RequestSettings.waitingBytes`.
    private var waitingBytes = 0

    init(_ id: UInt64, _ target: RequestTarget, _ settings: RequestSettings) {
        self.id = id
        self.target = target
        self.settings = settings
        conversation = Conversation(options: settings.parsing)
    }

    deinit { settings.waitingBytes -= waitingBytes }

    /// What the kernel side is to be told of the connection; nil if nothing new.
    func takeVerdict() -> martlet_verdict? {
        guard !isTold else { return nil }
        switch conversation?.verdict {
        case nil, .some(.none):
            isTold = true
            return isTLS ? MARTLET_VERDICT_NOBODYS : MARTLET_VERDICT_IGNORED
        // Most connections are short: they end before anybody asks.
        case .known where segments >= 3:
            isTold = true
            return isTLS ? nil : MARTLET_VERDICT_STREAM
        default:
            return nil
        }
    }

    /// Whether a request waits for its answer.
    var isWaiting: Bool {
        conversation?.isWaiting ?? false || !positions.0.held.isEmpty || !positions.1.held.isEmpty
    }

    /// Reads a record: a segment, or its beginning and its end with a gap between.
    func take(_ segment: martlet_segment, _ bytes: UnsafeRawBufferPointer) {
        let tail = Int(MARTLET_TAIL_BYTES)
        let hasEnd = segment.flags & UInt8(MARTLET_SEGMENT_ENDS) != 0
        guard hasEnd, tail <= bytes.count, segment.length >= UInt32(bytes.count) else {
            return takePiece(segment, bytes)
        }
        var piece = segment
        piece.length -= UInt32(tail)
        takePiece(piece, UnsafeRawBufferPointer(rebasing: bytes[tail...]))
        piece.offset &+= piece.length
        piece.length = UInt32(tail)
        piece.before = 0
        piece.flags &= ~UInt8(MARTLET_SEGMENT_ALONE | MARTLET_SEGMENT_ANEW)
        takePiece(piece, UnsafeRawBufferPointer(rebasing: bytes[..<tail]))
    }

    private func takePiece(_ segment: martlet_segment, _ bytes: UnsafeRawBufferPointer) {
        let segmentIsTLS = segment.flags & UInt8(MARTLET_SEGMENT_TLS) != 0
        if segmentIsTLS, !isTLS { beginTLS() }
        // What a TLS connection carries is no text but for its library.
        guard segmentIsTLS == isTLS else { return }
        if segment.flags & UInt8(MARTLET_SEGMENT_ALONE | MARTLET_SEGMENT_ANEW) != 0 { beginAnew(segment) }
        guard conversation != nil else { return }
        if segments == 0, segment.flags & UInt8(MARTLET_SEGMENT_STAND_IN) != 0 {
            // The kernel side was certain.
            conversation = Conversation(
                options: settings.parsing, expected: ApplicationProtocol(counted: UInt32(segment.counted)))
        }
        segments += 1
        let isSent = segment.flags & UInt8(MARTLET_SEGMENT_SENT) != 0
        giveUpHoles(at: segment.header.time_ns)
        let mayHold = settings.waitingBytes < RequestSettings.maximumWaitingBytes
        let step = position(isSent) {
            $0.step(offset: segment.offset, length: segment.length, before: segment.before, mayHold: mayHold)
        }
        switch step {
        case .drop: return
        case .hold:
            position(isSent) {
                $0.hold(
                    StreamPosition.Held(
                        offset: segment.offset, length: segment.length, time: segment.header.time_ns,
                        bytes: Array(bytes)))
            }
            countWaiting()
        case .read(let missing):
            if missing > 0 { flush(isSent: isSent, isLate: true) }
            read(
                bytes, isSent: isSent, offset: segment.offset, length: segment.length, at: segment.header.time_ns,
                missing: missing, isWhole: segment.flags & UInt8(MARTLET_SEGMENT_STAND_IN) != 0)
            flush(isSent: isSent, isLate: false)
        }
    }

    /// The connection ended at `time`.
    func end(at time: UInt64) {
        flush(isSent: false, isLate: true)
        flush(isSent: true, isLate: true)
        conversation?.giveUp(before: .max, at: time, self)
        if let conversation { countGaps(conversation) }
        conversation = nil
    }

    /// Requests from before `deadline` are not waited for any more.
    func giveUp(before deadline: UInt64, at time: UInt64) {
        giveUpHoles(at: time)
        conversation?.giveUp(before: deadline, at: time, self)
    }

    func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
        var exchange = exchange
        var isTraced = true
        switch sampling {
        case .open: break
        case .drawn: exchange.isDrawn = true
        case .passed: isTraced = text.context?.isSampled ?? false
        case .standIn: (isTraced, sampling) = (false, .open)
        }
        settings.report(exchange, text, of: target, connection: id, isTLS: isTLS, isTraced: isTraced)
    }

    /// What was lost on its way comes again soon; what the agent lost never does.
    private func giveUpHoles(at time: UInt64) {
        let deadline = time > Self.longestHole ? time - Self.longestHole : 0
        if positions.0.hasWaited(since: deadline) { flush(isSent: false, isLate: true) }
        if positions.1.hasWaited(since: deadline) { flush(isSent: true, isLate: true) }
    }

    /// What was before is settled: the kernel side counted it, or handed it over alone.
    private func beginAnew(_ segment: martlet_segment) {
        conversation?.giveUp(before: .max, at: segment.header.time_ns, self)
        if let conversation { countGaps(conversation) }
        let isAlone = segment.flags & UInt8(MARTLET_SEGMENT_ALONE) != 0
        if isAlone {
            sampling = segment.flags & UInt8(MARTLET_SEGMENT_DRAWN) != 0 ? .drawn : .passed
        } else {
            sampling = segment.flags & UInt8(MARTLET_SEGMENT_STAND_IN) != 0 ? .standIn : .open
        }
        segments = 0
        gaps = 0
        positions = (StreamPosition(), StreamPosition())
        countWaiting()
        conversation = Conversation(options: settings.parsing, expected: isAlone ? .http1 : nil)
    }

    private func beginTLS() {
        isTLS = true
        isTold = false
        segments = 0
        positions = (StreamPosition(), StreamPosition())
        countWaiting()
        gaps = 0
        conversation = Conversation(options: settings.parsing)
    }

    private func position<Result>(_ isSent: Bool, _ body: (inout StreamPosition) -> Result) -> Result {
        isSent ? body(&positions.1) : body(&positions.0)
    }

    private func flush(isSent: Bool, isLate: Bool) {
        if waitingBytes == 0 { return }
        defer { countWaiting() }
        while let (held, missing) = position(isSent, { $0.next(isLate: isLate) }) {
            held.bytes.withUnsafeBytes {
                read(
                    $0, isSent: isSent, offset: held.offset, length: held.length, at: held.time, missing: missing,
                    isWhole: false)
            }
        }
    }

    private func countWaiting() {
        let all = positions.0.heldBytes + positions.1.heldBytes
        settings.waitingBytes += all - waitingBytes
        waitingBytes = all
    }

    private func countGaps(_ conversation: Conversation) {
        let all = conversation.gaps
        guard all > gaps else { return }
        settings.gaps &+= UInt64(all - gaps)
        gaps = all
    }

    /// - Parameter isWhole: whether `bytes` stand for all of the segment, however long it is.
    private func read(
        _ bytes: UnsafeRawBufferPointer, isSent: Bool, offset: UInt32, length: UInt32, at time: UInt64, missing: Int,
        isWhole: Bool
    ) {
        position(isSent) { $0.advance(offset: offset, length: length) }
        guard let conversation else { return }
        conversation.take(
            RawSpan(_unsafeBytes: bytes), from: isSent != target.isInbound ? .client : .server, at: time,
            missing: missing, tail: isWhole ? 0 : max(Int(length) - bytes.count, 0), self)
        countGaps(conversation)
        if conversation.verdict == .none { self.conversation = nil }
    }
}
