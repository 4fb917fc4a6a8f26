/// Base of the parsers of protocols whose answers name their request.
///
/// After a gap, either stream is read again from the first segment that begins with a message. Answers to requests that
/// nobody saw are counted while bytes of the client went by unseen.
///
/// Invariant: at most as many requests wait as `PendingRequests` has room for; the oldest is told as unanswered first.
class KeyedParser: ProtocolParser {
    /// Which protocol the exchanges are of.
    class var applicationProtocol: ApplicationProtocol { .http1 }

    struct Moment {
        /// When the first byte of the message came.
        let start: UInt64
        /// Whether no more will come of what follows at once.
        let isFinal: Bool
        let receiver: any ExchangeReceiver
    }

    private var client = MessageStream()
    private var server = MessageStream()
    private var pending = PendingRequests()
    private var lastAnswer: UInt64 = 0
    /// Since when requests may be under way that nobody saw.
    private var unseenSince: UInt64?
    private var nonsense = 0
    private var sense = 0
    /// Nothing more is read.
    var isOver = false
    private let none = RequestText()

    /// A message of the client; see `MessageStream.feed`.
    func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step { .lost }
    /// A message of the server.
    func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step { .lost }
    /// Whether a segment begins with a message.
    func begins(_ bytes: RawSpan, _ side: Side) -> Bool { false }
    /// A side is read from a new beginning.
    func isFoundAgain(_ side: Side) {}

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { client.gaps + server.gaps }
    override var isLost: Bool { isOver || nonsense > 16 && nonsense > sense }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if isOver { return }
        if side == .client {
            var missing = missing
            if client.isLost || missing > 0 && client.isAtBoundary {
                if unseenSince == nil { unseenSince = time }
                guard begins(bytes, side) else { return client.lose() }
                missing = 0
                client.restart()
                isFoundAgain(side)
            }
            if pending.isEmpty, client.isAtBoundary, let since = unseenSince, lastAnswer > since { unseenSince = nil }
            client.feed(bytes, at: time, missing: missing, tail: tail) { message, start, isFinal in
                let step = request(message, Moment(start: start, isFinal: isFinal, receiver: receiver))
                note(step, isFinal)
                return step
            }
            if client.isLost, unseenSince == nil { unseenSince = time }
        } else {
            var missing = missing
            lastAnswer = time
            if server.isLost || missing > 0 && server.isAtBoundary {
                guard begins(bytes, side) else { return server.lose() }
                missing = 0
                server.restart()
                isFoundAgain(side)
            }
            server.feed(bytes, at: time, missing: missing, tail: tail) { message, start, isFinal in
                let step = answer(message, Moment(start: start, isFinal: isFinal, receiver: receiver))
                note(step, isFinal)
                return step
            }
        }
    }

    private func note(_ step: MessageStream.Step, _ isFinal: Bool) {
        if case .message = step {
            sense &+= 1
        } else if step == .lost, !isFinal {
            nonsense &+= 1
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        while let start = pending.oldest, start < deadline { tellOldest(time, receiver) }
    }

    private func tellOldest(_ time: UInt64, _ receiver: any ExchangeReceiver) {
        let name = Self.applicationProtocol
        pending.removeFirst {
            receiver.receive(Exchange(name, status: .unanswered, start: $0.start, end: max(time, $0.start)), $0.text)
        }
    }

    /// A request was made.
    func add(
        _ moment: Moment, tag: UInt32 = 0, key: UInt64, _ body: (inout RequestText) -> Void = { _ in }
    ) {
        if pending.isFull { tellOldest(moment.start, moment.receiver) }
        pending.add(start: moment.start, key: key, tag: tag) { if options.wantsText { body(&$0) } }
    }

    /// Tells of a request that has no answer.
    func tell(_ status: ExchangeStatus, _ moment: Moment, _ text: borrowing RequestText) {
        moment.receiver.receive(
            Exchange(Self.applicationProtocol, status: status, start: moment.start, end: moment.start), text)
    }

    /// The tag of the request with this key.
    func tag(of key: UInt64) -> UInt32? { pending.index(ofKey: key).map { pending[$0].tag } }

    /// A request is answered, or not counted if `status` is nil; `body` may change its texts first.
    func finish(
        _ key: UInt64, _ status: ExchangeStatus?, _ moment: Moment, _ body: (inout RequestText) -> Void = { _ in }
    ) {
        let name = Self.applicationProtocol
        let receiver = moment.receiver
        let end = moment.start
        guard let index = pending.index(ofKey: key) else {
            guard let status, let start = unseenSince else { return }
            return receiver.receive(Exchange(name, status: status, start: start, end: max(end, start)), none)
        }
        if options.wantsText { body(&pending[index].text) }
        pending.remove(at: index) {
            guard let status else { return }
            receiver.receive(Exchange(name, status: status, start: $0.start, end: max(end, $0.start)), $0.text)
        }
    }
}
