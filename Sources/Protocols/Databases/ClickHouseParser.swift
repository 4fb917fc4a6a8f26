/// ClickHouse, native protocol (ClickHouse documentation, "Native protocol"; ClickHouse source: Core/Protocol.h,
/// Core/ProtocolDefines.h, Interpreters/ClientInfo).
///
/// One request is one Query packet; Hello, Ping, data and the rest are none. A connection has one query at a time. Blocks of
/// data do not say their length, so packets are looked for where segments begin, which is where both sides write them; an
/// exception, which is never compressed, is looked for in all that was captured. The end of a query is EndOfStream, an
/// exception, or the next query. `failed` if there is an exception, also after rows.
///
/// Texts: `operation` is `query`; `statement`, blanks around it removed, with `...<TRUNCATED>` if it is cut; empty where the
/// packet's layout is not known; `database` of Hello; `error`.
final class ClickHouseParser: ProtocolParser {
    private static let limit = 4096

    private var head: [UInt8] = []
    private var headStart: UInt64 = 0
    private var isCollecting = false
    private var serverRevision: UInt64 = 0
    private var database: [UInt8] = []
    private var text = RequestText()
    private var start: UInt64?
    private var answerStart: UInt64?
    private var isOver = false

    override var isWaiting: Bool { start != nil }
    override var isLost: Bool { isOver }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if bytes.byteCount == 0 { return }
        if side == .server {
            if isCollecting { finishQuery() }
            takeAnswer(bytes, at: time, isWhole: tail == 0, receiver)
        } else {
            takeRequest(bytes, at: time, isContinuous: missing == 0, tail: tail, receiver)
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        if isCollecting { finishQuery() }
        guard let start, start < deadline else { return }
        if answerStart == nil { answerStart = max(time, start) } else { return finish(.ok, receiver) }
        finish(.unanswered, receiver)
    }

    private func finish(_ status: ExchangeStatus, _ receiver: any ExchangeReceiver) {
        guard let start else { return }
        receiver.receive(Exchange(.clickhouse, status: status, start: start, end: answerStart ?? start), text)
        self.start = nil
        answerStart = nil
    }

    // MARK: Client

    private func takeRequest(
        _ bytes: RawSpan, at time: UInt64, isContinuous: Bool, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if isCollecting {
            guard isContinuous else { return finishQuery() }
            head.append(bytes.part(0, Self.limit - head.count))
            if head.withUnsafeBytes({ ClickHouseQuery(RawSpan(_unsafeBytes: $0), server: serverRevision).isNone }) {
                return drop()
            }
            if isComplete || tail > 0 || head.count >= Self.limit { finishQuery() }
            return
        }
        switch bytes.byte(0) {
        case 0: readHello(bytes)
        case 1:
            let query = ClickHouseQuery(bytes, server: serverRevision)
            if query.isNone { return }
            // The last query has been answered, or nobody would ask again.
            if start != nil { finish(answerStart == nil ? .unanswered : .ok, receiver) }
            start = time
            answerStart = nil
            text.removeAll()
            guard options.wantsText || query.isShort else { return }
            head.removeAll(keepingCapacity: true)
            head.append(bytes.part(0, Self.limit))
            isCollecting = true
            if isComplete || tail > 0 { finishQuery() }
        default: break
        }
    }

    private var isComplete: Bool {
        head.withUnsafeBytes {
            let query = ClickHouseQuery(RawSpan(_unsafeBytes: $0), server: serverRevision)
            return query.statementLength >= 0
                && (query.statement + min(query.statementLength, options.textLimit + 1) <= head.count)
        }
    }

    private func drop() {
        isCollecting = false
        start = nil
    }

    private func finishQuery() {
        isCollecting = false
        guard options.wantsText else { return }
        text.add(.operation, "query")
        if !database.isEmpty { text.add(.database) { $0 += database } }
        head.withUnsafeBytes {
            let bytes = RawSpan(_unsafeBytes: $0)
            let query = ClickHouseQuery(bytes, server: serverRevision)
            guard query.statementLength >= 0 else { return }
            var (from, end) = (query.statement, min(query.statement + query.statementLength, bytes.byteCount))
            let isCut = end < query.statement + query.statementLength || end - from > options.textLimit
            while from < end, Self.isBlank(bytes.byte(from)) { from += 1 }
            if isCut {
                end = min(end, from + options.textLimit)
                // Not a part of a character.
                var start = end
                while start > from, end - start < 4, bytes.byte(start - 1) & 0xC0 == 0x80 { start -= 1 }
                if start > from, bytes.byte(start - 1) >= 0xC0 { start -= 1 }
                if bytes.byte(start) >= 0xC0, end - start < Self.length(ofCharacter: bytes.byte(start)) { end = start }
            } else {
                while from < end, Self.isBlank(bytes.byte(end - 1)) { end -= 1 }
            }
            let statement = bytes.part(from, end)
            text.add(.statement) {
                $0.append(statement)
                if isCut { $0 += "...<TRUNCATED>".utf8 }
            }
        }
    }

    /// Bytes of a character of UTF-8 that begins so.
    private static func length(ofCharacter first: UInt8) -> Int { first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2 }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

    /// Hello: name, version (2 numbers), revision, database, …
    private func readHello(_ bytes: RawSpan) {
        guard Self.helloLikeness(bytes, .client) != .no else { return }
        var reader = VarintReader(bytes, at: 1)
        reader.skipString()
        for _ in 0..<3 { _ = reader.number() }
        guard let range = reader.string() else { return }
        database.removeAll(keepingCapacity: true)
        database.append(bytes.part(range.lowerBound, min(range.upperBound, range.lowerBound + 64)))
    }

    // MARK: Server

    private func takeAnswer(_ bytes: RawSpan, at time: UInt64, isWhole: Bool, _ receiver: any ExchangeReceiver) {
        if bytes.byte(0) == 0, start == nil, Self.helloLikeness(bytes, .server) != .no {
            var reader = VarintReader(bytes, at: 1)
            reader.skipString()
            for _ in 0..<2 { _ = reader.number() }
            serverRevision = reader.number() ?? 0
            return
        }
        guard let start else { return }
        if answerStart == nil {
            // What a server says is one of its packets, at least in the beginning.
            guard bytes.byte(0) >= 1, bytes.byte(0) <= 17 else { return }
            answerStart = max(time, start)
        }
        if let message = Self.exception(bytes) {
            if options.wantsText { text.add(.error, bytes.part(message.lowerBound, message.upperBound), limit: 256) }
            return finish(.failed, receiver)
        }
        if isWhole, bytes.byte(bytes.byteCount - 1) == 5 { finish(.ok, receiver) }
    }

    /// An exception packet: 2, a code of 4 bytes, the name `DB::Exception`, a message. Where the message is.
    private static func exception(_ bytes: RawSpan) -> Range<Int>? {
        var position = 5
        while let found = bytes.firstIndex(of: 13, from: position) {
            position = found + 1
            guard bytes.byte(found - 5) == 2, bytes.has("DB::Exception", at: found + 1) else { continue }
            let code = bytes.little32(found - 4)
            guard code < 1 << 16 else { continue }
            var reader = VarintReader(bytes, at: found + 14)
            guard let range = reader.string() else { return found + 14..<bytes.byteCount }
            return range.lowerBound..<min(range.upperBound, bytes.byteCount)
        }
        return nil
    }

    // MARK: Detection

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if bytes.byte(0) == 0 { return helloLikeness(bytes, side) }
        if side == .client {
            guard bytes.byte(0) == 1 else { return .no }
            let query = ClickHouseQuery(bytes, server: 0)
            return query.isNone ? .no : query.isShort ? (length < 64 ? .partial : .no) : .certain
        }
        return answerLikeness(bytes, length: length)
    }

    /// Both sides begin with 0, a name, a version and a revision.
    private static func helloLikeness(_ bytes: RawSpan, _ side: Side) -> Likeness {
        guard bytes.byte(0) == 0 else { return .no }
        var reader = VarintReader(bytes, at: 1)
        guard let name = reader.string(), name.count >= 3, name.count <= 100 else { return .no }
        for index in name where bytes.byte(index) < 0x20 || bytes.byte(index) > 0x7E { return .no }
        guard let major = reader.number(), let minor = reader.number(), let revision = reader.number(), major < 100,
            minor < 1000, revision >= 50_000, revision < 60_000
        else { return .no }
        return .certain
    }

    private static func answerLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        switch bytes.byte(0) {
        // Data: no table's name, then a block's information or a compressed frame behind its checksum.
        case 1:
            let method = bytes.byte(18)
            let isCompressed = method == 0x82 || method == 0x90 || method == 0x02
            return bytes.byte(1) == 0 && (isCompressed || bytes.has("\u{1}\u{0}\u{2}", at: 2)) ? .maybe : .no
        case 2: return exception(bytes.part(0, 64)).map { _ in .certain } ?? .no
        case 3: return length <= 64 ? .maybe : .no
        case 4, 5: return length == 1 ? .maybe : .no
        default: return .no
        }
    }
}
