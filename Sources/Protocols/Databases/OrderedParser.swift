/// Base of the parsers of protocols whose answers come in the order of their requests.
///
/// What it does for all of them:
/// - pairs answers with requests, also pipelined ones, and counts those whose bytes were not captured: answers without a
///   request that was seen, after bytes of the client that nobody saw, are answers to requests made then;
/// - after a gap in the answers, waits until the client speaks again: then everything before has been answered; or until a
///   segment ends with what ends the answer, where the protocol has such a thing and one request alone is being answered;
/// - takes the time of a message from its first byte, also if its beginning came in an earlier segment.
///
/// Invariants: requests beyond the limit of `PendingRequests` are counted without text (`crowd`); they come after all pending
/// ones. While `crowdStart` is set, new requests join the crowd.
class OrderedParser: ProtocolParser {
    /// Which protocol the exchanges are of.
    class var applicationProtocol: ApplicationProtocol { .http1 }

    /// What the body of a stream is told about the bytes at hand.
    struct Moment {
        /// When the first byte of the message came.
        let start: UInt64
        /// Whether no more will come of what follows at once.
        let isFinal: Bool
        let receiver: any ExchangeReceiver
    }

    private var client = MessageStream()
    private var server = MessageStream()
    private(set) var pending = PendingRequests()
    private var crowd = 0
    private var crowdStart: UInt64?
    /// Requests that nobody saw are in the crowd, how many is not known.
    private var crowdIsOpen = false
    private var lastAnswer: UInt64 = 0
    /// When the answer to the oldest request began; nil while there is none.
    private(set) var answerStart: UInt64?
    /// What that answer says so far.
    var answerStatus = ExchangeStatus.ok
    private var nonsense = 0
    private var sense = 0
    /// Nothing more is read: encryption, compression or another protocol follows.
    var isOver = false
    private let none = RequestText()
    /// The last bytes of answers that cannot be read.
    private var lately: [UInt8] = []
    private static let latelyLimit = 256
    /// A gap took nothing but a part of the answer that is being looked for the end of: nothing is lost if that is found.
    private var isGapOpen = false
    /// Gaps that took nothing that is counted.
    private var harmlessGaps = 0

    // MARK: What a protocol says

    /// A message of the client; see `MessageStream.feed`.
    func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step { .lost }
    /// A message of the server.
    func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step { .lost }
    /// Whether a segment of the client begins with a message, as far as can be said: the way back after a gap.
    func beginsRequest(_ bytes: RawSpan) -> Bool { false }
    /// The client's stream was lost: requests may follow that are not seen.
    func requestsWereLost(at time: UInt64) {}
    /// Where answers begin is not known any more.
    func answersWereLost() {}
    /// Whether `end(of:)` looks for the ends of answers.
    var findsEnds: Bool { false }
    /// Where, in the last bytes that came of answers that cannot be read, a message begins with which the answer to the only
    /// pending request ends; nil if it does not, or not for certain.
    func end(of bytes: RawSpan) -> Int? { nil }
    /// The next byte of the client begins a message after a gap.
    func requestsAreFoundAgain() {}
    /// Everything that was asked has been answered, as far as one knows.
    func isSettled() {}

    // MARK: ProtocolParser

    override var isWaiting: Bool { !pending.isEmpty || crowd > 0 }
    override var gaps: Int { client.gaps + server.gaps - harmlessGaps - (isGapOpen ? 1 : 0) }
    override var isLost: Bool { isOver || nonsense > 16 && nonsense > sense }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if isOver { return }
        if side == .client {
            takeRequests(bytes, time, missing, tail, receiver)
        } else {
            takeAnswers(bytes, time, missing, tail, receiver)
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        if let start = pending.oldest, start < deadline { isGapOpen = false }
        while let start = pending.oldest, start < deadline {
            if answerStart != nil {
                finish(lastStatus, receiver)
            } else {
                emit(server.isLost ? .unknown : .unanswered, time, receiver)
            }
        }
        guard pending.isEmpty, let start = crowdStart, start < deadline else { return }
        while crowd > 0 { emit(server.isLost ? .unknown : .unanswered, time, receiver) }
        crowdStart = nil
        crowdIsOpen = false
    }

    private func takeRequests(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        let wasLost = client.isLost
        if wasLost || missing > 0 && client.isAtBoundary {
            loseSight(since: time)
            if beginsRequest(bytes) {
                client.restart()
                requestsAreFoundAgain()
                readRequests(bytes, time, 0, tail, receiver)
            } else if !wasLost {
                client.lose()
                requestsWereLost(at: time)
            }
            return
        }
        readRequests(bytes, time, missing, tail, receiver)
    }

    private func readRequests(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if client.isAtBoundary {
            if server.isLost, lastAnswer != 0 { catchUp(receiver) }
            // The crowd was answered, or the client would still wait.
            if crowdStart != nil, pending.isEmpty, crowd == 0, lastAnswer > crowdStart ?? 0 {
                crowdStart = nil
                crowdIsOpen = false
            }
            if pending.isEmpty, crowdStart == nil { isSettled() }
        }
        var isNonsense = false
        client.feed(bytes, at: time, missing: missing, tail: tail) { message, start, isFinal in
            let step = request(message, Moment(start: start, isFinal: isFinal, receiver: receiver))
            switch step {
            case .message: sense &+= 1
            case .lost: isNonsense = !isFinal
            case .more: break
            }
            return step
        }
        guard client.isLost else { return }
        if isNonsense { nonsense &+= 1 }
        loseSight(since: time)
        requestsWereLost(at: time)
    }

    private func takeAnswers(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        lastAnswer = time
        if server.isLost { return findEnd(bytes, time, missing, tail, receiver) }
        readAnswers(bytes, time, missing, tail, receiver)
    }

    private func findEnd(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        guard looksForEnd else {
            isGapOpen = false
            return
        }
        if missing > 0 { lately.removeAll(keepingCapacity: true) }
        let excess = lately.count + bytes.byteCount - Self.latelyLimit
        if excess > 0 { lately.removeFirst(min(excess, lately.count)) }
        lately.append(bytes.part(bytes.byteCount - Self.latelyLimit))
        if tail > 0 { return lately.removeAll(keepingCapacity: true) }
        // `readAnswers` cannot have the array that it may change.
        var ending: [UInt8] = []
        swap(&ending, &lately)
        ending.withUnsafeBytes {
            let span = RawSpan(_unsafeBytes: $0)
            guard let start = end(of: span) else { return }
            if isGapOpen, answerStatus != .unknown { harmlessGaps &+= 1 }
            isGapOpen = false
            server.restart()
            feedAnswers(span.part(start), time, 0, 0, receiver)
        }
        swap(&ending, &lately)
        if !server.isLost { lately.removeAll(keepingCapacity: true) }
    }

    private var looksForEnd: Bool { findsEnds && pending.count == 1 && crowdStart == nil }

    private func readAnswers(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        let gaps = server.gaps
        feedAnswers(bytes, time, missing, tail, receiver)
        guard server.isLost else { return }
        answersWereLost()
        lately.removeAll(keepingCapacity: true)
        let isGap = server.gaps > gaps
        isGapOpen = looksForEnd && isGap
        if looksForEnd { return findEnd(bytes, time, 0, tail, receiver) }
        guard answerStart != nil else { return }
        let status = lastStatus
        finish(status, receiver)
        // It was all that was asked for.
        if isGap, status != .unknown, !expectsAnswer { harmlessGaps &+= 1 }
    }

    private func feedAnswers(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        server.feed(bytes, at: time, missing: missing, tail: tail) { message, start, isFinal in
            let step = answer(message, Moment(start: start, isFinal: isFinal, receiver: receiver))
            if step == .lost, !isFinal { nonsense &+= 1 }
            return step
        }
    }

    /// The status of an answer that has begun and of which no more is read: where an error may come later, not seeing one
    /// says nothing.
    private var lastStatus: ExchangeStatus {
        server.isLost && findsEnds && answerStatus == .ok ? .unknown : answerStatus
    }

    /// Answers went by that were not read: everything asked before has one.
    private func catchUp(_ receiver: any ExchangeReceiver) {
        if answerStart != nil { finish(lastStatus, receiver) }
        while isWaiting { emit(.unknown, lastAnswer, receiver) }
        isGapOpen = false
        server.restart()
        answersWereLost()
    }

    private func loseSight(since time: UInt64) {
        crowdIsOpen = true
        if crowdStart == nil { crowdStart = time }
    }

    // MARK: For the parsers

    /// A request was made. `tag` and `key` are the parser's.
    func add(
        _ start: UInt64, tag: UInt32 = 0, key: UInt64 = 0, _ body: (inout RequestText) -> Void = { _ in }
    ) {
        if crowdStart != nil || pending.isFull {
            if crowdStart == nil { crowdStart = start }
            crowd &+= 1
            return
        }
        pending.add(start: start, key: key, tag: tag, body)
    }

    /// A request was begun that is not seen to its end: it is counted although what follows is lost.
    func joinCrowd(_ start: UInt64, tag: UInt32, key: UInt64, _ body: (inout RequestText) -> Void = { _ in }) {
        if crowd == 0, !pending.isFull {
            pending.add(start: start, key: key, tag: tag, body)
        } else {
            crowd &+= 1
        }
    }

    /// Whether the last request is still to be filled in: it is not in the crowd.
    var lastIsOpen: Bool { crowdStart == nil && !pending.isEmpty }

    /// The oldest request's tag.
    var tag: UInt32? { pending.isEmpty ? nil : pending[0].tag }

    /// Whether an answer now would be one to a request that was made, seen or not.
    var expectsAnswer: Bool { !pending.isEmpty || crowdStart != nil }

    /// Whether requests may be under way that nobody saw.
    var hasLostSight: Bool { crowdIsOpen }

    /// Whether the client's bytes are read.
    var readsClient: Bool { !client.isLost }

    /// The answer to the oldest request begins, if it has not yet.
    func begin(_ time: UInt64, _ status: ExchangeStatus = .ok) {
        guard answerStart == nil else { return }
        answerStart = time
        answerStatus = status
    }

    /// The answer to the oldest request is complete.
    func finish(_ status: ExchangeStatus, _ receiver: any ExchangeReceiver) {
        emit(status, answerStart ?? lastAnswer, receiver)
    }

    /// The oldest request goes without being counted.
    func drop() {
        pending.removeFirst()
        answerStart = nil
    }

    /// Changes the texts of the oldest request, if they are wanted.
    func describe(_ body: (inout RequestText) -> Void) {
        if options.wantsText, !pending.isEmpty { body(&pending[0].text) }
    }

    /// Changes the newest request.
    func changeLast(_ body: (inout PendingRequests.Request) -> Void) {
        if lastIsOpen { body(&pending[pending.count - 1]) }
    }

    /// Takes the newest request back, after `body` has seen it.
    func removeLast(_ body: (borrowing PendingRequests.Request) -> Void = { _ in }) {
        guard lastIsOpen else { return }
        pending.removeLast(body)
        if pending.isEmpty { answerStart = nil }
    }

    /// Whether the requests of this tag are counted at all.
    func isCounted(_ tag: UInt32) -> Bool { true }

    /// Tells of a request that has no answer.
    func tell(
        _ status: ExchangeStatus, _ start: UInt64, _ receiver: any ExchangeReceiver, _ text: borrowing RequestText
    ) {
        receiver.receive(Exchange(Self.applicationProtocol, status: status, start: start, end: start), text)
    }

    private func emit(_ status: ExchangeStatus, _ end: UInt64, _ receiver: any ExchangeReceiver) {
        let name = Self.applicationProtocol
        answerStart = nil
        if !pending.isEmpty {
            let isCounted = isCounted(pending[0].tag)
            pending.removeFirst {
                guard isCounted else { return }
                receiver.receive(Exchange(name, status: status, start: $0.start, end: max(end, $0.start)), $0.text)
            }
            return
        }
        guard let start = crowdStart else { return }
        if crowd > 0 { crowd -= 1 } else if !crowdIsOpen { return }
        receiver.receive(Exchange(name, status: status, start: start, end: max(end, start)), none)
        if crowd == 0, !crowdIsOpen { crowdStart = nil }
    }
}
