/// MongoDB wire protocol: OP_MSG, OP_COMPRESSED, OP_QUERY with OP_REPLY (MongoDB manual, "MongoDB Wire Protocol"; BSON 1.1).
///
/// One request is one message of the client that has an answer: also the `hello` of drivers and their monitoring. Messages
/// with `moreToCome` (write concern 0) are counted with status `unknown`, at once; further answers of an exhaust cursor are
/// none. Status, from the reply: `failed` if `ok` is not 1 or there are `writeErrors` or a `writeConcernError`; a reply whose
/// end is not there is `ok`, because errors begin with `ok`. Compressed replies are `unknown`, unless the compressor is `noop`.
///
/// Texts: `operation`, the command; `target`, its collection; `database`; `statement`, the first section as extended JSON,
/// cut at twice the limit of a text (it is about twice as long as its BSON), or `<truncated>` if it is not there as a whole;
/// `error`.
final class MongoParser: KeyedParser {
    override class var applicationProtocol: ApplicationProtocol { .mongo }

    private enum Operation {
        static let reply: UInt32 = 1
        static let query: UInt32 = 2004
        static let getMore: UInt32 = 2005
        static let compressed: UInt32 = 2012
        static let message: UInt32 = 2013
    }

    private static let header = 16
    private var silent = RequestText()

    // MARK: Client

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= Self.header + 5 else { return moment.isFinal ? .lost : .more(Self.header + 5) }
        guard Self.isMessage(bytes, .client) else { return .lost }
        let length = Int(bytes.little32(0))
        let needed = options.wantsText ? min(length, 4096) : Self.header + 5
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let message = bytes.part(0, length)
        let key = UInt64(bytes.little32(4))
        switch bytes.little32(12) {
        case Operation.message:
            // Bit 1: no answer.
            if bytes.little32(16) & 2 == 0 {
                add(moment, key: key) { describe(message, &$0) }
            } else {
                silent.removeAll()
                if options.wantsText { describe(message, &silent) }
                tell(.unknown, moment, silent)
            }
        case Operation.compressed:
            add(moment, key: key) { $0.add(.statement, "<truncated>") }
        case Operation.query:
            add(moment, key: key) { describeQuery(message, &$0) }
        case Operation.getMore:
            add(moment, key: key) { $0.add(.operation, "getMore") }
        default: break
        }
        return .message(length)
    }

    /// The sections of OP_MSG: one of kind 0, a document; any of kind 1, with a size.
    private static func body(_ message: RawSpan) -> Range<Int>? {
        var start = header + 4
        while start + 5 <= message.byteCount {
            let size = Int(message.little32(start + 1))
            guard size >= 5, size <= 1 << 26 else { return nil }
            if message.byte(start) == 0 { return start + 1..<start + 1 + size }
            guard message.byte(start) == 1 else { return nil }
            start += 1 + size
        }
        return nil
    }

    private func describe(_ message: RawSpan, _ text: inout RequestText) {
        guard let range = Self.body(message) else { return text.add(.statement, "<truncated>") }
        describe(BSONDocument(bytes: message.part(range.lowerBound, range.upperBound)), &text)
    }

    private func describe(_ document: BSONDocument, _ text: inout RequestText) {
        var isFirst = true
        document.walk { element in
            if isFirst {
                isFirst = false
                text.add(.operation, element.name, limit: 64)
                if let value = element.string { text.add(.target, value, limit: 255) }
            } else if element.name.byteCount == 3, element.name.has("$db"), let value = element.string {
                text.add(.database, value, limit: 64)
                return false
            }
            return true
        }
        guard document.isWhole else { return text.add(.statement, "<truncated>") }
        text.add(.statement) {
            var json = ExtendedJSON(behind: &$0, limit: 2 * options.textLimit)
            json.write(document)
            json.finish(into: &$0)
        }
    }

    private func describeQuery(_ message: RawSpan, _ text: inout RequestText) {
        guard let end = message.firstIndex(of: 0, from: 20), end + 13 < message.byteCount else {
            return text.add(.statement, "<truncated>")
        }
        let dot = message.firstIndex(of: UInt8(ascii: "."), from: 20, before: end) ?? end
        describe(BSONDocument(bytes: message.part(end + 9)), &text)
        text.add(.database, message.part(20, dot), limit: 64)
    }

    // MARK: Server

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= Self.header + 5 else { return moment.isFinal ? .lost : .more(Self.header + 5) }
        guard Self.isMessage(bytes, .server) else { return .lost }
        let length = Int(bytes.little32(0))
        // What is worth waiting for: the status of a short reply is at its end.
        let needed = min(length, 4096)
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let message = bytes.part(0, length)
        let key = UInt64(bytes.little32(8))
        switch bytes.little32(12) {
        case Operation.message:
            if let range = Self.body(message) {
                finish(key, BSONDocument(bytes: message.part(range.lowerBound, range.upperBound)), moment)
            } else {
                finish(key, .unknown, moment)
            }
        case Operation.reply:
            finish(key, BSONDocument(bytes: message.part(36)), moment)
        case Operation.compressed:
            // Behind the header: what it was, its size, the compressor (0: none).
            if bytes.byte(24) == 0, bytes.little32(16) == Operation.message, bytes.byte(29) == 0 {
                finish(key, BSONDocument(bytes: message.part(30)), moment)
            } else {
                finish(key, .unknown, moment)
            }
        default: break
        }
        return .message(length)
    }

    private func finish(_ key: UInt64, _ document: BSONDocument, _ moment: Moment) {
        var status = ExchangeStatus.ok
        var message = 0..<0
        document.walk { element in
            switch element.name.byteCount {
            case 2 where element.name.has("ok"): if element.number != 1 { status = .failed }
            case 6 where element.name.has("errmsg"): if element.string != nil { message = element.text }
            case 11 where element.name.has("writeErrors"), 17 where element.name.has("writeConcernError"):
                status = .failed
            default: break
            }
            return true
        }
        finish(key, status, moment) {
            if !message.isEmpty {
                $0.add(.error, document.bytes.part(message.lowerBound, message.upperBound), limit: 256)
            }
        }
    }

    // MARK: Detection

    override func begins(_ bytes: RawSpan, _ side: Side) -> Bool {
        bytes.byteCount >= Self.header + 5 && Self.isMessage(bytes, side)
    }

    private static func isMessage(_ bytes: RawSpan, _ side: Side) -> Bool {
        let length = bytes.little32(0)
        guard length >= 21, length <= 48_000_000 + 16_384 else { return false }
        let isAnswer = bytes.little32(8) != 0
        switch bytes.little32(12) {
        case Operation.message:
            // Bits 0, 1 and 16 are all there are.
            return isAnswer == (side == .server) && bytes.little32(16) & ~0x1_0003 == 0 && bytes.byte(20) <= 1
        case Operation.compressed: return isAnswer == (side == .server) && length >= 25
        case Operation.reply: return side == .server && isAnswer && length >= 36
        case Operation.query, Operation.getMore, 2001, 2002, 2006, 2007: return side == .client && !isAnswer
        default: return false
        }
    }

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        guard bytes.byteCount >= header + 5 else {
            return length <= header && bytes.little32(0) <= 48_000_000 ? .partial : .no
        }
        guard isMessage(bytes, side) else { return .no }
        return bytes.little32(12) == Operation.compressed && bytes.byte(24) > 3 ? .no : .certain
    }
}
