/// Reads one connection of one protocol: the base of every parser.
///
/// A parser follows both directions as streams: segments come in order, `missing` says how many bytes before them nobody
/// captured. Everything it remembers is bounded. It never traps and never invents text: after a gap it waits for the next
/// sure beginning of a message.
class ProtocolParser {
    let options: ParsingOptions

    required init(options: ParsingOptions) { self.options = options }

    /// What has to be true of the first bytes that one side sent, captured from the very first byte, if they are of this
    /// protocol. `length`: bytes of the stream that they are the beginning of.
    class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness { .no }

    /// Reads the next segment of one side.
    ///
    /// - Parameters:
    ///   - time: when it was seen, in nanoseconds.
    ///   - missing: bytes between the end of the last segment of this side and this one that were lost.
    ///   - tail: bytes of the stream after `bytes` that were not captured.
    func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {}

    /// The connection ended, or `time` is late: requests from before `deadline` that nobody answered are given up.
    func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {}

    /// Whether some request waits for its answer.
    var isWaiting: Bool { false }

    /// How often bytes were missing without which a direction cannot be followed: messages are missing or have no status.
    var gaps: Int { 0 }

    /// Whether what came is not of this protocol after all: too much of it made no sense.
    var isLost: Bool { false }
}
