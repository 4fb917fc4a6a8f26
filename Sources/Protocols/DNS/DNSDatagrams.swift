/// DNS over UDP: pairs queries and answers of all sockets by socket and id.
///
/// A query that is sent again before it is answered is one request, from its first sending. Invariants: at most `limit`
/// queries wait; what does not fit pushes out the oldest, which is told as unanswered. Slots are used again: nothing is
/// allocated for a datagram once as many as ever wait have waited.
public struct DNSDatagrams {
    private struct Key: Hashable {
        let socket: UInt64
        let id: UInt16
    }

    private struct Slot {
        var key = Key(socket: 0, id: 0)
        var start: UInt64 = 0
        var type: UInt16 = 0
        var text = RequestText()
        /// Neighbours in the order of time, or of free slots; -1 is none.
        var previous = -1
        var next = -1
    }

    private let limit: Int
    private var slots: [Slot] = []
    private var waiting: [Key: Int] = [:]
    private var oldest = -1
    private var newest = -1
    private var free = -1

    /// - Parameter limit: queries that wait for their answers, on the whole node.
    public init(options: ParsingOptions, limit: Int = 8192) { self.limit = max(limit, 1) }

    /// Queries that wait for their answers.
    public var count: Int { waiting.count }

    /// Whether a datagram is a standard query or a response to one; see `DNSMessage.isQuery` and `isAnswer`.
    ///
    /// - Parameter length: of the whole datagram, of which `datagram` is the beginning; nil if it is all of it.
    public static func isDNS(_ datagram: RawSpan, length: Int? = nil) -> Bool {
        let message = DNSMessage(datagram)
        let length = length ?? datagram.byteCount
        return message.isResponse ? message.isAnswer(length: length) : message.isQuery(length: length)
    }

    /// Reads a datagram; what is not DNS is ignored.
    ///
    /// - Parameters:
    ///   - tail: bytes of it after `datagram` that were not captured.
    ///   - socket: what tells sockets apart; both directions have the same.
    ///   - side: who sent it.
    ///   - time: when it was seen, in nanoseconds.
    public mutating func take(
        _ datagram: RawSpan, tail: Int = 0, socket: UInt64, from side: Side, at time: UInt64,
        _ receiver: any ExchangeReceiver
    ) {
        let message = DNSMessage(datagram)
        let key = Key(socket: socket, id: message.id)
        switch side {
        case .client:
            guard message.isQuery(length: datagram.byteCount + max(tail, 0)) else { return }
            if let index = waiting[key] {
                // A new question with the id of an old one gives that one up.
                if slots[index].type == message.type { return }
                finish(index, .unanswered, at: time, receiver)
            }
            if waiting.count >= limit, oldest >= 0 { finish(oldest, .unanswered, at: time, receiver) }
            let index = add(key, at: time)
            slots[index].type = message.type
            message.addQuestion(to: &slots[index].text)
        case .server:
            guard message.isAnswer(length: datagram.byteCount + max(tail, 0)), let index = waiting[key],
                !message.hasQuestion || message.type == slots[index].type
            else { return }
            message.addAddresses(to: &slots[index].text)
            finish(index, .dns(message.code), at: time, receiver)
        }
    }

    /// Queries from before `deadline` are told as unanswered.
    public mutating func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        while oldest >= 0, slots[oldest].start < deadline { finish(oldest, .unanswered, at: time, receiver) }
    }

    private mutating func add(_ key: Key, at time: UInt64) -> Int {
        let index: Int
        if free >= 0 {
            index = free
            free = slots[index].next
        } else {
            index = slots.count
            slots.append(Slot())
        }
        slots[index].key = key
        slots[index].start = time
        slots[index].text.removeAll()
        slots[index].previous = newest
        slots[index].next = -1
        if newest >= 0 { slots[newest].next = index } else { oldest = index }
        newest = index
        waiting[key] = index
        return index
    }

    private mutating func finish(
        _ index: Int, _ status: ExchangeStatus, at time: UInt64, _ receiver: any ExchangeReceiver
    ) {
        receiver.receive(Exchange(.dns, status: status, start: slots[index].start, end: time), slots[index].text)
        waiting[slots[index].key] = nil
        let (previous, next) = (slots[index].previous, slots[index].next)
        if previous >= 0 { slots[previous].next = next } else { oldest = next }
        if next >= 0 { slots[next].previous = previous } else { newest = previous }
        slots[index].next = free
        free = index
    }
}
