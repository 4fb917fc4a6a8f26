/// ZooKeeper's client protocol (Apache ZooKeeper 3.9, zookeeper.jute and ZooDefs): records with a length before them.
///
/// Answers come in the order of the requests, except those of pings and the like, which have numbers of their own; a watch
/// that fires (number -1) answers nothing. The session's opening counts no more than it does in the original.
final class ZooKeeperParser: ProtocolParser {
    /// Servers take 1 MiB unless they are told otherwise.
    private static let longestMessage: UInt32 = 1 << 26
    private static let notification: UInt32 = 0xFFFF_FFFF
    private static let ping: UInt32 = 0xFFFF_FFFE
    /// Length, number and operation.
    private static let requestSize = 12
    /// Length, number, transaction and error code.
    private static let answerSize = 20

    private var requests = MessageStream()
    private var answers = MessageStream()
    private var pending = PendingRequests()
    private var hasGap = false
    private var nonsense = 0

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if bytes.byteCount < 4 { return bytes.byte(0) < 4 ? .partial : .no }
        let size = bytes.big32(0)
        guard size >= 8, size <= longestMessage else { return .no }
        if side == .client {
            if isOpening(bytes) { return bytes.byteCount < 32 || bytes.big32(28) != 16 ? .maybe : .certain }
            guard bytes.byteCount >= requestSize else { return .partial }
            return request(bytes)
        }
        guard bytes.byteCount >= answerSize else { return .partial }
        if isOpened(bytes) { return bytes.byteCount >= 24 && bytes.big32(20) == 16 ? .certain : .maybe }
        guard size >= 16, isNumber(bytes.big32(4)), bytes.big64(8) <= Int64.max || bytes.big64(8) == .max,
            isError(Int32(bitPattern: bytes.big32(16)))
        else { return .no }
        return bytes.big32(4) == ping && size == 16 ? .certain : .maybe
    }

    /// A request to open a session: version 0, and the length that it has with or without its last field.
    private static func isOpening(_ bytes: RawSpan) -> Bool {
        (bytes.big32(0) == 44 || bytes.big32(0) == 45) && bytes.byteCount >= 8 && bytes.big32(4) == 0
    }

    private static func isOpened(_ bytes: RawSpan) -> Bool {
        (bytes.big32(0) == 36 || bytes.big32(0) == 37) && bytes.byteCount >= 8 && bytes.big32(4) == 0
    }

    /// Requests count up from 1; watches, pings, authentication and the setting of watches have -1, -2, -4 and -8.
    private static func isNumber(_ number: UInt32) -> Bool {
        number <= Int32.max || number == notification || number == ping || number == 0xFFFF_FFFC
            || number == 0xFFFF_FFF8
    }

    private static func isError(_ code: Int32) -> Bool { code <= 0 && code >= -200 }

    /// How much this looks like a request.
    private static func request(_ bytes: RawSpan) -> Likeness {
        let (size, number, operation) = (bytes.big32(0), bytes.big32(4), Int32(bitPattern: bytes.big32(8)))
        guard size >= 8, size <= longestMessage, isNumber(number), number != notification, name(of: operation) != nil
        else { return .no }
        if size == 8 {
            let isPing = number == ping && operation == 11
            return isPing || operation == -11 ? .certain : operation == 11 ? .maybe : .no
        }
        if operation == 14 || operation == 22, bytes.byteCount >= 26 {
            // The first operation's header: it is not the last one, and has no error.
            guard bytes.byte(16) == 0, bytes.big32(17) == notification else { return .maybe }
            return hasPath(Int32(bitPattern: bytes.big32(12))) && bytes.byte(25) == UInt8(ascii: "/")
                ? .certain : .maybe
        }
        guard hasPath(operation), bytes.byteCount >= 17 else { return .maybe }
        // A path begins with a slash, or is empty.
        let count = bytes.big32(12)
        guard count <= size - 8 else { return .no }
        return count == 0 ? .maybe : bytes.byte(16) == UInt8(ascii: "/") ? .certain : .no
    }

    private static func name(of operation: Int32) -> StaticString? {
        switch operation {
        case 1: "create"
        case 2: "delete"
        case 3: "exists"
        case 4: "getData"
        case 5: "setData"
        case 6: "getAcl"
        case 7: "setAcl"
        case 8: "getChildren"
        case 9: "sync"
        case 11: "ping"
        case 12: "getChildren2"
        case 13: "check"
        case 14: "multi"
        case 15: "create2"
        case 16: "reconfig"
        case 17: "checkWatches"
        case 18: "removeWatches"
        case 19: "createContainer"
        case 20: "deleteContainer"
        case 21: "createTTL"
        case 22: "multiRead"
        case 100: "setAuth"
        case 101: "setWatches"
        case 102: "sasl"
        case 103: "getEphemerals"
        case 104: "getAllChildrenNumber"
        case 105: "setWatches2"
        case 106: "addWatch"
        case 107: "whoAmI"
        case -11: "close"
        default: nil
        }
    }

    /// Whether the operation's record begins with a path.
    private static func hasPath(_ operation: Int32) -> Bool {
        switch operation {
        case 1...9, 12, 13, 15, 17...21, 103, 104, 106: true
        default: false
        }
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if side == .client {
            requests.feed(
                bytes, at: time, missing: missing, tail: tail,
                findingBy: { $0.byteCount >= 17 && Self.request($0) == .certain ? 0 : nil },
                { message, start, isFinal in request(message, start, isFinal, receiver) })
        } else {
            if missing > 0 { hasGap = true }
            let wasLost = answers.isLost
            answers.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { isSureAnswer($0) ? 0 : nil },
                { message, start, isFinal in answer(message, start, isFinal, receiver) })
            if wasLost || answers.isLost { hasGap = true }
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.giveUp(before: deadline, at: time, .zookeeper, to: receiver)
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { requests.gaps + answers.gaps }
    override var isLost: Bool { nonsense > 16 }

    private func request(
        _ message: RawSpan, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < Self.requestSize { return isFinal ? .lost : .more(Self.requestSize) }
        let (size, number, operation) = (message.big32(0), message.big32(4), Int32(bitPattern: message.big32(8)))
        guard size >= 8, size <= Self.longestMessage else {
            nonsense += 1
            return .lost
        }
        let total = 4 + Int(size)
        if Self.isOpening(message), operation <= 0 { return .message(total) }
        guard Self.isNumber(number), number != Self.notification, let name = Self.name(of: operation) else {
            nonsense += 1
            return .message(total)
        }
        nonsense = 0
        let wanted = options.wantsText ? min(total, 1024) : Self.requestSize
        if message.byteCount < wanted, !isFinal { return .more(wanted) }
        pending.makeRoom(.zookeeper, receiver)
        let whole = message.part(0, total)
        let limit = options.textLimit
        pending.add(start: start, key: UInt64(number)) {
            guard options.wantsText else { return }
            Self.addText(operation, name, whole, limit, &$0)
        }
        return .message(total)
    }

    /// Operation and path; of several in one, the first.
    private static func addText(
        _ operation: Int32, _ name: StaticString, _ message: RawSpan, _ limit: Int, _ text: inout RequestText
    ) {
        var (first, pathAt) = (operation, requestSize)
        let isMulti = operation == 14 || operation == 22
        if isMulti {
            // A header of operation, whether it is the last, and an error code, before each.
            first = Int32(bitPattern: message.big32(requestSize))
            pathAt = requestSize + 9
        }
        if isMulti, message.byteCount >= pathAt, let firstName = Self.name(of: first) {
            text.add(.operation, joining: { Self.join(name, firstName, &$0) })
        } else {
            text.add(.operation, name)
        }
        // Names of watches are among more than a path.
        guard hasPath(first), message.byteCount > pathAt + 4 else { return }
        let count = Int(min(message.big32(pathAt), longestMessage))
        let path = message.part(pathAt + 4, pathAt + 4 + count)
        if path.byteCount > 0 { text.add(.target, path, limit: limit, isCut: path.byteCount < count) }
    }

    private static func join(_ name: StaticString, _ first: StaticString, _ bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "("))
        bytes.append(contentsOf: UnsafeBufferPointer(start: first.utf8Start, count: first.utf8CodeUnitCount))
        let end: StaticString = ", ...)"
        bytes.append(contentsOf: UnsafeBufferPointer(start: end.utf8Start, count: end.utf8CodeUnitCount))
    }

    private func isSureAnswer(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= Self.answerSize && bytes.big32(0) >= 16 && bytes.big32(0) <= Self.longestMessage
            && Self.isError(Int32(bitPattern: bytes.big32(16))) && pending.index(ofKey: UInt64(bytes.big32(4))) != nil
    }

    private func answer(
        _ message: RawSpan, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < 4 { return isFinal ? .lost : .more(4) }
        let size = message.big32(0)
        guard size >= 16, size <= Self.longestMessage else {
            nonsense += 1
            return .lost
        }
        if message.byteCount < Self.answerSize { return isFinal ? .lost : .more(Self.answerSize) }
        let (number, code) = (message.big32(4), Int32(bitPattern: message.big32(16)))
        if !Self.isOpened(message), number != Self.notification, Self.isError(code),
            let index = pending.index(ofKey: UInt64(number))
        {
            nonsense = 0
            // What is older was answered while nobody saw it. Pings are answered out of their turn.
            var at = 0
            if hasGap, number != Self.ping {
                for _ in 0..<index { pending.report(.zookeeper, .unknown, end: nil, to: receiver) }
                hasGap = false
            } else {
                at = index
            }
            pending.report(at: at, .zookeeper, .zookeeper(code), end: start, to: receiver)
        }
        return .message(4 + Int(size))
    }
}
