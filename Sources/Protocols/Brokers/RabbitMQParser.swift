/// AMQP 0-9-1 as RabbitMQ speaks it (AMQP specification 0-9-1, sections 2.3.5 and 4.2; RabbitMQ, "Protocol Extensions"): frames
/// of type, channel, size, payload and an end octet.
///
/// Published messages, and those that the broker delivers or gives on request, count when their method frame is seen, as good:
/// they have no answer of their own.
final class RabbitMQParser: ProtocolParser {
    private static let frameEnd: UInt8 = 0xCE
    /// Type, channel and size.
    private static let headerSize = 7
    /// A frame has at most so many bytes, whatever the sides agreed on.
    private static let longestFrame: UInt32 = 1 << 26
    private static let heartbeat: UInt8 = 8

    private var fromClient = MessageStream()
    private var fromServer = MessageStream()
    /// Losses of the frames' beginnings since the last good method.
    private var losses = 0

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if side == .client, bytes.byte(0) == UInt8(ascii: "A") {
            guard bytes.byteCount >= 8 else { return "AMQP".utf8.starts(with: first(bytes, 4)) ? .partial : .no }
            return isPreface(bytes) ? .certain : .no
        }
        return frame(bytes, from: side)
    }

    private static func first(_ bytes: RawSpan, _ count: Int) -> [UInt8] {
        bytes.part(0, count).withUnsafeBytes { Array($0) }
    }

    private static func isPreface(_ bytes: RawSpan) -> Bool { bytes.has("AMQP\0\0\u{9}\u{1}") }

    /// How much this looks like a frame of one side.
    private static func frame(_ bytes: RawSpan, from side: Side) -> Likeness {
        let type = bytes.byte(0)
        guard type == 1 || type == 2 || type == 3 || type == heartbeat else { return .no }
        guard bytes.byteCount >= headerSize else { return .partial }
        let size = bytes.big32(3)
        guard size <= longestFrame else { return .no }
        let end = headerSize + Int(size)
        let isWhole = bytes.byteCount > end
        if isWhole, bytes.byte(end) != frameEnd { return .no }
        switch type {
        // Both sides send it alike.
        case heartbeat: return bytes.big16(1) == 0 && size == 0 ? .maybe : .no
        case 1:
            guard size >= 4 else { return .no }
            guard bytes.byteCount >= headerSize + 4 else { return .partial }
            switch Method(bytes).sender {
            case nil: return .no
            case .some(.some(side)): return isWhole ? .certain : .maybe
            case .some(nil): return .maybe
            default: return .no
            }
        // A content header names its class, which is that of messages.
        case 2: return size >= 14 && bytes.byteCount >= headerSize + 2 && bytes.big16(7) == 60 ? .maybe : .no
        default: return .no
        }
    }

    /// Class and method of a method frame.
    private struct Method {
        let number: UInt32

        init(_ frame: RawSpan) { number = frame.big32(RabbitMQParser.headerSize) }

        init(_ classNumber: UInt32, _ method: UInt32) { number = classNumber << 16 | method }

        static let publish = Method(60, 40).number
        static let deliver = Method(60, 60).number
        static let getOk = Method(60, 71).number

        /// Who may send it: one side, or `.some(nil)` both; nil if there is no such method.
        var sender: Side?? {
            switch (number >> 16, number & 0xFFFF) {
            // connection
            case (10, 10), (10, 20), (10, 30), (10, 41): .server
            case (10, 11), (10, 21), (10, 31), (10, 40), (10, 70): .client
            case (10, 50), (10, 51), (10, 60), (10, 61): .some(nil)
            // channel
            case (20, 10): .client
            case (20, 11): .server
            case (20, 20), (20, 21), (20, 40), (20, 41): .some(nil)
            // exchange, queue
            case (40, 10), (40, 20), (40, 30), (40, 40): .client
            case (40, 11), (40, 21), (40, 31), (40, 51): .server
            case (50, 10), (50, 20), (50, 30), (50, 40), (50, 50): .client
            case (50, 11), (50, 21), (50, 31), (50, 41), (50, 51): .server
            // basic
            case (60, 10), (60, 20), (60, 40), (60, 70), (60, 90), (60, 100), (60, 110): .client
            case (60, 11), (60, 21), (60, 50), (60, 60), (60, 71), (60, 72), (60, 111): .server
            case (60, 30), (60, 31), (60, 80), (60, 120): .some(nil)
            // confirm, tx
            case (85, 10), (90, 10), (90, 20), (90, 30): .client
            case (85, 11), (90, 11), (90, 21), (90, 31): .server
            default: nil
            }
        }
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if side == .client {
            fromClient.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { Self.beginning($0, from: .client) },
                { message, start, isFinal in frame(message, from: .client, start, isFinal, receiver) })
        } else {
            fromServer.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { Self.beginning($0, from: .server) },
                { message, start, isFinal in frame(message, from: .server, start, isFinal, receiver) })
        }
    }

    override var gaps: Int { fromClient.gaps + fromServer.gaps }
    override var isLost: Bool { losses > 16 }

    /// Where a method frame surely begins: at the beginning of a segment, or after the end of another.
    private static func beginning(_ bytes: RawSpan, from side: Side) -> Int? {
        if frame(bytes, from: side) == .certain { return 0 }
        var index = bytes.firstIndex(of: frameEnd)
        while let end = index {
            if frame(bytes.part(end + 1), from: side) == .certain { return end + 1 }
            index = bytes.firstIndex(of: frameEnd, from: end + 1)
        }
        return nil
    }

    private func frame(
        _ message: RawSpan, from side: Side, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < Self.headerSize { return isFinal ? lose() : .more(Self.headerSize) }
        if side == .client, message.byte(0) == UInt8(ascii: "A") {
            if message.byteCount < 8 { return isFinal ? lose() : .more(8) }
            return Self.isPreface(message) ? .message(8) : lose()
        }
        let (type, size) = (message.byte(0), message.big32(3))
        let end = Self.headerSize + Int(size)
        guard type == 1 || type == 2 || type == 3 || type == Self.heartbeat, size <= Self.longestFrame,
            message.byteCount <= end || message.byte(end) == Self.frameEnd
        else { return lose() }
        guard type == 1 else { return .message(end + 1) }
        guard size >= 4 else { return lose() }
        if message.byteCount < Self.headerSize + 4 { return isFinal ? lose() : .more(Self.headerSize + 4) }
        let method = Method(message)
        guard method.sender != nil else { return lose() }
        let isMessage =
            side == .client
            ? method.number == Method.publish
            : method.number == Method.deliver || method.number == Method.getOk
        guard isMessage else { return .message(end + 1) }
        if options.wantsText, message.byteCount <= end, !isFinal { return .more(end + 1) }
        losses = 0
        report(method.number, message.part(0, end), start, receiver)
        return .message(end + 1)
    }

    private func lose() -> MessageStream.Step {
        losses += 1
        return .lost
    }

    /// The text of a message is used again for the next.
    private var text = RequestText()

    private func report(_ method: UInt32, _ frame: RawSpan, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        text.removeAll()
        if options.wantsText {
            let limit = options.textLimit
            var reader = ByteReader(frame, at: Self.headerSize + 4)
            switch method {
            case Method.publish:
                text.add(.operation, "publish")
                reader.skip(2)
            case Method.deliver:
                text.add(.operation, "deliver")
                reader.skip(Int(reader.byte()))
                reader.skip(9)
            default:
                text.add(.operation, "get")
                reader.skip(9)
            }
            let exchange = reader.take(Int(reader.byte()))
            let key = reader.take(Int(reader.byte()))
            if !reader.isCut { text.add(.target, joining: { Self.join(exchange, key, limit, &$0) }) }
        }
        let isProduced = method == Method.publish
        receiver.receive(
            Exchange(.rabbitmq, isProduced ? .produce : .consume, status: .ok, start: time, end: time), text)
    }

    /// As OpenTelemetry names a destination of RabbitMQ: exchange and routing key, or the one that there is.
    private static func join(_ exchange: RawSpan, _ key: RawSpan, _ limit: Int, _ bytes: inout [UInt8]) {
        let start = bytes.count
        exchange.withUnsafeBytes { bytes.append(contentsOf: $0) }
        if exchange.byteCount > 0, key.byteCount > 0 { bytes.append(UInt8(ascii: ":")) }
        key.withUnsafeBytes { bytes.append(contentsOf: $0) }
        if bytes.count - start > limit { bytes.removeLast(bytes.count - start - limit) }
    }
}
