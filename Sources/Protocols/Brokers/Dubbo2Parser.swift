/// Dubbo2 (Apache Dubbo, "Dubbo Protocol"): a header of 16 bytes with magic, flags, status, request id and the body's length.
///
/// Calls are matched by request id; a call that wants no answer counts as good at once. Heartbeats are no calls.
final class Dubbo2Parser: ProtocolParser {
    private static let headerSize = 16
    private static let magic: UInt16 = 0xDABB
    private static let longestBody: UInt32 = 1 << 28
    private static let isRequest: UInt8 = 0x80
    private static let wantsAnswer: UInt8 = 0x40
    private static let isEvent: UInt8 = 0x20
    private static let serialisation: UInt8 = 0x1F
    private static let hessian2: UInt8 = 2

    private var requests = MessageStream()
    private var answers = MessageStream()
    private var pending = PendingRequests()
    private var losses = 0

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        guard bytes.byteCount >= headerSize else {
            let isMagic = bytes.byteCount >= 2 ? bytes.big16(0) == magic : bytes.byte(0) == 0xDA
            return isMagic ? .partial : .no
        }
        guard isHeader(bytes, from: side) else { return .no }
        let end = headerSize + Int(bytes.big32(12))
        // What follows has to be another message.
        if length == end { return .certain }
        if length < end || bytes.byteCount < end + 2 { return .maybe }
        return bytes.big16(end) == magic ? .certain : .no
    }

    private static func isHeader(_ bytes: RawSpan, from side: Side?) -> Bool {
        let flags = bytes.byte(2)
        guard bytes.big16(0) == magic, flags & serialisation != 0, bytes.big32(12) <= longestBody else { return false }
        if flags & isRequest != 0 {
            // Events go both ways.
            return bytes.byte(3) == 0 && (side != .server || flags & isEvent != 0)
        }
        return status(bytes.byte(3)) != .unknown && (side != .client || flags & isEvent != 0)
    }

    private static func status(_ code: UInt8) -> ExchangeStatus {
        switch code {
        case 20: .ok
        // Timeouts of client and server, bad requests and answers, service not found, errors, exhausted pools.
        case 30, 31, 35, 40, 50, 60, 70, 80, 90, 100: .failed
        default: .unknown
        }
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if side == .client {
            requests.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: Self.beginning,
                { message, start, isFinal in read(message, side, start, isFinal, receiver) })
        } else {
            answers.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: Self.beginning,
                { message, start, isFinal in read(message, side, start, isFinal, receiver) })
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.giveUp(before: deadline, at: time, .dubbo2, to: receiver)
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { requests.gaps + answers.gaps }
    override var isLost: Bool { losses > 16 }

    private static func beginning(_ bytes: RawSpan) -> Int? {
        bytes.byteCount >= headerSize && isHeader(bytes, from: nil) ? 0 : nil
    }

    private func read(
        _ message: RawSpan, _ side: Side, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < Self.headerSize { return isFinal ? lose() : .more(Self.headerSize) }
        let (flags, size) = (message.byte(2), message.big32(12))
        guard message.big16(0) == Self.magic, size <= Self.longestBody else { return lose() }
        let total = Self.headerSize + Int(size)
        if flags & Self.isEvent != 0 { return .message(total) }
        switch (side, flags & Self.isRequest != 0) {
        case (.client, true):
            let wanted = options.wantsText ? min(total, 512) : Self.headerSize
            if message.byteCount < wanted, !isFinal { return .more(wanted) }
            losses = 0
            add(message.part(0, total), start, receiver)
        case (.server, false):
            guard let index = pending.index(ofKey: message.big64(4)) else { break }
            losses = 0
            pending.report(at: index, .dubbo2, Self.status(message.byte(3)), end: start, to: receiver)
        default: break
        }
        return .message(total)
    }

    private func lose() -> MessageStream.Step {
        losses += 1
        return .lost
    }

    private func add(_ message: RawSpan, _ start: UInt64, _ receiver: any ExchangeReceiver) {
        pending.makeRoom(.dubbo2, receiver)
        let limit = options.textLimit
        pending.add(start: start, key: message.big64(4)) {
            guard options.wantsText, message.byte(2) & Self.serialisation == Self.hessian2 else { return }
            // Version of Dubbo, interface, its version, method.
            var reader = ByteReader(message, at: Self.headerSize)
            _ = Self.string(&reader)
            let service = Self.string(&reader)
            _ = Self.string(&reader)
            let method = Self.string(&reader)
            guard !reader.isCut, service.byteCount > 0 else { return }
            $0.add(.operation, method, limit: limit)
            $0.add(.target, joining: { Self.join(service, method, limit, &$0) })
        }
        if message.byte(2) & Self.wantsAnswer == 0 {
            pending.report(at: pending.count - 1, .dubbo2, .ok, end: nil, to: receiver)
        }
    }

    private static func join(_ service: RawSpan, _ method: RawSpan, _ limit: Int, _ bytes: inout [UInt8]) {
        let start = bytes.count
        service.withUnsafeBytes { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "/"))
        method.withUnsafeBytes { bytes.append(contentsOf: $0) }
        if bytes.count - start > limit { bytes.removeLast(bytes.count - start - limit) }
    }

    /// A string of Hessian 2.0 (section 4.12) of characters of one byte, as names are; anything else cuts the reader.
    @_lifetime(copy reader)
    @_lifetime(reader: copy reader)
    private static func string(_ reader: inout ByteReader) -> RawSpan {
        let code = reader.byte()
        switch code {
        case 0x00...0x1F: return reader.take(Int(code))
        case 0x30...0x33: return reader.take(Int(code - 0x30) << 8 | Int(reader.byte()))
        case UInt8(ascii: "S"): return reader.take(Int(reader.bigEndian(UInt16.self)))
        default: return reader.take(.max)
        }
    }
}
