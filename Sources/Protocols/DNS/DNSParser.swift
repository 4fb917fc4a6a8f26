/// DNS over TCP (RFC 1035, section 4.2.2; RFC 7766): each message with its length before it, answers in any order.
///
/// Texts are there for all: the type, the name, and the addresses of the answer. Of a transfer of a zone, the first message is
/// the answer.
final class DNSParser: ProtocolParser {
    private static let maximumFailures = 16

    private var client: MessageStream
    private var server: MessageStream
    private var pending = PendingRequests(limit: 256)
    private var answer = RequestText()
    /// Messages in a row that are none.
    private var failures = 0

    required init(options: ParsingOptions) {
        // A whole message, as far as it was captured.
        client = MessageStream(limit: 1024)
        server = MessageStream(limit: 4096)
        super.init(options: options)
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { client.gaps + server.gaps }
    override var isLost: Bool { failures > Self.maximumFailures }

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if bytes.byteCount < 2 + DNSMessage.headerLength {
            return length == bytes.byteCount && (bytes.byteCount < 2 || bytes.big16(0) > DNSMessage.headerLength)
                ? .partial : .no
        }
        let size = Int(bytes.big16(0))
        let message = DNSMessage(bytes.part(2, 2 + size))
        let isGood = side == .client ? message.isQuery(length: size) : message.isAnswer(length: size)
        if isGood { return length >= 2 + size ? .certain : .maybe }
        // A question that goes on in the next segment.
        return length < 2 + size && length == bytes.byteCount && length < 270
            && message.hasHeader(from: side, length: size)
            ? .partial : .no
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        switch side {
        case .client:
            client.feed(bytes, missing: missing, tail: tail) { message, isFinal in
                read(message, side, time, isFinal, receiver)
            }
        case .server:
            server.feed(bytes, missing: missing, tail: tail) { message, isFinal in
                read(message, side, time, isFinal, receiver)
            }
        }
        // Segments begin with messages, as a rule: what does not is found out.
        if client.isLost { client.restart() }
        if server.isLost { server.restart() }
    }

    private func read(
        _ bytes: RawSpan, _ side: Side, _ time: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        guard bytes.byteCount >= 2 else { return isFinal ? .lost : .more(2) }
        let size = Int(bytes.big16(0))
        if size < DNSMessage.headerLength { return lose() }
        if bytes.byteCount < 2 + size, !isFinal { return .more(2 + size) }
        let message = DNSMessage(bytes.part(2, 2 + size))
        switch side {
        case .client:
            guard message.isQuery(length: size) else { return message.isResponse ? lose() : .message(2 + size) }
            ask(message, at: time, receiver)
        case .server:
            guard message.isAnswer(length: size) else { return message.isResponse ? .message(2 + size) : lose() }
            answer(message, at: time, receiver)
        }
        failures = 0
        return .message(2 + size)
    }

    private func lose() -> MessageStream.Step {
        failures += 1
        return .lost
    }

    private func ask(_ message: borrowing DNSMessage, at time: UInt64, _ receiver: any ExchangeReceiver) {
        let key = UInt64(message.id)
        if let index = pending.index(ofKey: key) { finish(index, .unanswered, at: time, receiver) }
        if pending.isFull { finish(0, .unanswered, at: time, receiver) }
        pending.add(start: time, key: key)
        message.addQuestion(to: &pending[pending.count - 1].text)
    }

    private func answer(_ message: borrowing DNSMessage, at time: UInt64, _ receiver: any ExchangeReceiver) {
        guard let index = pending.index(ofKey: UInt64(message.id)) else { return }
        message.addAddresses(to: &pending[index].text)
        finish(index, .dns(message.code), at: time, receiver)
    }

    private func finish(_ index: Int, _ status: ExchangeStatus, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.remove(at: index) {
            receiver.receive(Exchange(.dns, status: status, start: $0.start, end: time), $0.text)
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.giveUp(before: deadline, at: time, .dns, receiver)
    }
}
