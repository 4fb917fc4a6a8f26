/// One connection as the agent follows it: finds out which protocol is spoken on it, and then reads it.
///
/// Until the protocol is certain, the first segments are kept (at most `maximumSegments` and `maximumBytes`), so that nothing
/// of them is lost; a connection of no known protocol is given up for good. Who opened a connection that is older than the
/// agent may have been guessed wrongly: what the sides say decides.
public final class Conversation {
    public enum Verdict: Equatable, Sendable {
        case undecided
        case known(ApplicationProtocol)
        /// Of no protocol that the agent knows: there is nothing more to read.
        case none
    }

    static let maximumSegments = 24
    static let maximumBytes = 16_384
    /// Bytes of a segment that are kept while it is not certain what is spoken.
    static let maximumSegment = 1280
    /// Beginnings that are looked at, per connection: each time that one side speaks after the other.
    static let maximumTurns = 8

    private struct Early {
        let side: Side
        let time: UInt64
        let missing: Int
        let tail: Int
        let bytes: [UInt8]

        /// Its beginning; the rest as if it had not been captured.
        var shortened: Self {
            let cut = bytes.count - Conversation.maximumSegment
            return Self(
                side: side, time: time, missing: missing, tail: tail + cut,
                bytes: Array(bytes[..<Conversation.maximumSegment]))
        }
    }

    public private(set) var verdict = Verdict.undecided
    /// Whether the side that was taken for the client is the server.
    public private(set) var isFlipped = false

    private let options: ParsingOptions
    private var early: [Early] = []
    private var earlyBytes = 0
    private var turns = 0
    private var segments = 0
    private var parser: ProtocolParser?

    /// - Parameter expected: the protocol, where it is known; nil finds it out.
    public init(options: ParsingOptions, expected: ApplicationProtocol? = nil) {
        self.options = options
        guard let expected else { return }
        parser = ProtocolDetector.parser(of: expected).init(options: options)
        verdict = .known(expected)
    }

    /// Reads the next segment of one side; see `ProtocolParser.take`.
    public func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if verdict == .none { return }
        if let parser {
            parser.take(
                bytes, from: isFlipped ? side.other : side, at: time, missing: missing, tail: tail, receiver)
            if parser.isLost { end(as: .none) }
            return
        }
        if bytes.byteCount == 0 { return }
        keep(bytes, side, time, missing, tail)
        detect(receiver)
        if let last = early.last, last.bytes.count > Self.maximumSegment { early[early.count - 1] = last.shortened }
    }

    /// Requests from before `deadline` are counted as unanswered.
    public func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        parser?.giveUp(before: deadline, at: time, receiver)
    }

    /// How often bytes were missing without which a direction could not be followed.
    public var gaps: Int { parser?.gaps ?? 0 }

    /// Whether some request waits for its answer.
    public var isWaiting: Bool { parser?.isWaiting ?? false }

    /// The protocol was found to be `found`: what was kept is read, and what comes.
    private func end(as verdict: Verdict) {
        self.verdict = verdict
        early = []
        parser = nil
    }

    private func keep(_ bytes: RawSpan, _ side: Side, _ time: UInt64, _ missing: Int, _ tail: Int) {
        segments += 1
        // A gap makes what came before it useless for the comparison.
        if missing > 0 { forgetEarly() }
        if let last = early.last, last.side != side { turns += 1 }
        earlyBytes += min(bytes.byteCount, Self.maximumSegment)
        early.append(
            Early(side: side, time: time, missing: missing, tail: tail, bytes: bytes.withUnsafeBytes { Array($0) }))
    }

    private func forgetEarly() {
        early.removeAll(keepingCapacity: true)
        earlyBytes = 0
    }

    private func detect(_ receiver: any ExchangeReceiver) {
        while !early.isEmpty {
            var candidate = candidate(from: 0)
            // One that is older than the agent may have begun in the middle of something that could be anything: what is
            // certain of the next turn counts more.
            if candidate == .open, let next = early.firstIndex(where: { $0.side != early[0].side }),
                case .found(let found, let flipped) = self.candidate(from: next, isCertain: true)
            {
                candidate = .found(found, flipped: flipped)
                early.removeFirst(next)
            }
            switch candidate {
            case .found(let found, let flipped):
                verdict = .known(found)
                isFlipped = flipped
                parser = ProtocolDetector.parser(of: found).init(options: options)
                let replay = early
                forgetEarly()
                early = []
                var (clientBegan, serverBegan) = (false, false)
                for segment in replay {
                    // What is missing before a side's beginning is of no use to the parser.
                    let isFirst = segment.side == .client ? !clientBegan : !serverBegan
                    if segment.side == .client { clientBegan = true } else { serverBegan = true }
                    segment.bytes.withUnsafeBytes {
                        take(
                            RawSpan(_unsafeBytes: $0), from: segment.side, at: segment.time,
                            missing: isFirst ? 0 : segment.missing, tail: segment.tail, receiver)
                    }
                }
                return
            case .open:
                if early.count >= Self.maximumSegments || earlyBytes >= Self.maximumBytes { end(as: .none) }
                return
            case .nothing:
                // What there is begins like nothing known: perhaps in the middle of something. The next turn may tell more.
                let side = early[0].side
                var dropped = 0
                while dropped < early.count, early[dropped].side == side { dropped += 1 }
                early.removeFirst(dropped)
                earlyBytes = early.reduce(0) { $0 + min($1.bytes.count, Self.maximumSegment) }
            }
        }
        if turns >= Self.maximumTurns || segments >= Self.maximumSegments { end(as: .none) }
    }

    private enum Candidate: Equatable {
        case found(ApplicationProtocol, flipped: Bool)
        case open
        case nothing
    }

    /// The best explanation of how both sides begin in the segments from `first` on.
    private func candidate(from first: Int, isCertain: Bool = false) -> Candidate {
        let (client, server) = (beginning(.client, first), beginning(.server, first))
        let direct = ProtocolDetector.judge(
            client: client.bytes, client.length, server: server.bytes, server.length, isCertain: isCertain)
        if case .found(let found) = direct { return .found(found, flipped: false) }
        let flipped = ProtocolDetector.judge(
            client: server.bytes, server.length, server: client.bytes, client.length, isCertain: isCertain)
        if case .found(let found) = flipped { return .found(found, flipped: true) }
        return direct == .open || flipped == .open ? .open : .nothing
    }

    /// The first bytes of a side without a gap, and how long the segments are that they come from.
    private func beginning(_ side: Side, _ first: Int) -> (bytes: [UInt8], length: Int) {
        var (bytes, length, isWhole) = ([UInt8](), 0, true)
        // Only its first turn.
        var began = false
        for segment in early[first...] {
            if segment.side != side {
                if began { break }
                continue
            }
            began = true
            if isWhole { bytes += segment.bytes }
            length += segment.bytes.count + segment.tail
            if segment.tail > 0 { isWhole = false }
        }
        return (bytes, length)
    }
}
