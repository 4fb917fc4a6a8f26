/// Requests that wait for their answers, oldest first.
///
/// Invariant: at most `limit`; what does not fit pushes out the oldest, which the caller is told.
struct PendingRequests {
    struct Request {
        var start: UInt64 = 0
        /// What tells requests apart that are answered out of order: a stream or correlation id.
        var key: UInt64 = 0
        /// For the parser's own use.
        var tag: UInt32 = 0
        /// For the parser's own use: a time.
        var mark: UInt64 = 0
        var text = RequestText()
    }

    let limit: Int
    private var slots: [Request] = []
    private var head = 0
    private(set) var count = 0

    init(limit: Int = 1024) { self.limit = limit }

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { count == limit }
    /// When the oldest began.
    var oldest: UInt64? { isEmpty ? nil : slots[head].start }

    private func position(_ index: Int) -> Int {
        let position = head + index
        return position < slots.count ? position : position - slots.count
    }

    /// Adds a request and lets `body` fill in its texts, in memory that is used again. The caller makes room first if full.
    mutating func add(start: UInt64, key: UInt64 = 0, tag: UInt32 = 0, _ body: (inout RequestText) -> Void = { _ in }) {
        guard count < limit else { return }
        if count == slots.count { grow() }
        let position = position(count)
        slots[position].start = start
        slots[position].key = key
        slots[position].tag = tag
        slots[position].mark = 0
        slots[position].text.removeAll()
        body(&slots[position].text)
        count += 1
    }

    /// The request at `index`, 0 being the oldest.
    subscript(index: Int) -> Request {
        _read { yield slots[position(index)] }
        _modify { yield &slots[position(index)] }
    }

    /// The oldest request with this key.
    func index(ofKey key: UInt64) -> Int? { (0..<count).first { slots[position($0)].key == key } }

    /// Takes the oldest away after `body` has seen it.
    mutating func removeFirst(_ body: (borrowing Request) -> Void = { _ in }) {
        guard count > 0 else { return }
        body(slots[head])
        head = head + 1 == slots.count ? 0 : head + 1
        count -= 1
    }

    /// Takes the newest away after `body` has seen it.
    mutating func removeLast(_ body: (borrowing Request) -> Void = { _ in }) {
        guard count > 0 else { return }
        body(slots[position(count - 1)])
        count -= 1
    }

    /// Takes the one at `index` away after `body` has seen it; the order of the others stays.
    mutating func remove(at index: Int, _ body: (borrowing Request) -> Void = { _ in }) {
        guard index < count else { return }
        body(slots[position(index)])
        var at = index
        while at > 0 {
            slots.swapAt(position(at), position(at - 1))
            at -= 1
        }
        head = head + 1 == slots.count ? 0 : head + 1
        count -= 1
    }

    /// Takes those away that began before `deadline`, oldest first, and tells that nobody answered them.
    mutating func giveUp(
        before deadline: UInt64, at time: UInt64, _ applicationProtocol: ApplicationProtocol,
        _ receiver: any ExchangeReceiver
    ) {
        while let start = oldest, start < deadline {
            let exchange = Exchange(applicationProtocol, status: .unanswered, start: start, end: time)
            removeFirst { receiver.receive(exchange, $0.text) }
        }
    }

    mutating func removeAll() {
        head = 0
        count = 0
    }

    private mutating func grow() {
        var larger: [Request] = []
        larger.reserveCapacity(max(4, min(slots.count * 2, limit)))
        for index in 0..<count { larger.append(slots[position(index)]) }
        let size = max(4, min(slots.count * 2, limit))
        while larger.count < size { larger.append(Request()) }
        slots = larger
        head = 0
    }
}
