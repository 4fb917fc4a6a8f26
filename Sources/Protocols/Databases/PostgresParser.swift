/// PostgreSQL, frontend/backend protocol 3 (PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats").
///
/// One request is: a simple Query, however many statements it has; a FunctionCall; an Execute of the extended protocol; a
/// Parse that is sent with a Sync and without an Execute (a preparation of its own). Describe, Close and Sync alone are none,
/// and neither is the start-up. In a pipeline each Execute is one; those that the server skips after an error are `failed`,
/// as is a Query of which any statement fails. COPY belongs to its Query or Execute.
///
/// Where an Execute is not captured but its Parse or Bind is, it is counted. After SSLRequest or GSSENCRequest is granted,
/// nothing is read: clear text then comes from elsewhere.
///
/// Texts: `operation` is `query`; `statement`; `database` and `error`. An Execute has the text of its statement,
/// `PREPARE name AS text` if its Parse, of a named statement, is in the same batch; `EXECUTE name /* unknown */` if the
/// statement was prepared before anyone watched.
final class PostgresParser: OrderedParser {
    override class var applicationProtocol: ApplicationProtocol { .postgres }

    private static let query: UInt32 = 0
    private static let execute: UInt32 = 1
    /// A Bind whose Execute is still to come.
    private static let bound: UInt32 = 2
    private static let parse: UInt32 = 3

    private var statements: StatementCache
    private var database: [UInt8] = []
    /// Batches that the client has ended (Sync, Query, FunctionCall), and those that the server has answered (ReadyForQuery):
    /// the key of a request is the number of its batch.
    private var sent: UInt64 = 0
    private var done: UInt64 = 0
    /// When the first Parse of a batch without a Bind came, and its texts.
    private var parseStart: UInt64?
    private var parseText = RequestText()
    /// The last Parse, for the Bind that follows.
    private var lastParse = RequestText()
    private var lastParseName: [UInt8] = []
    private var hasLastParse = false
    private var batchHasRequest = false
    /// Whether a Bind was counted as a request whose tag is not kept.
    private var isBoundInCrowd = false
    private var awaitsNegotiation = false

    required init(options: ParsingOptions) {
        statements = StatementCache(textLimit: options.textLimit)
        super.init(options: options)
    }

    // MARK: Client

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if bytes.byte(0) == 0 { return startUp(bytes, moment) }
        guard Self.isRequestType(bytes.byte(0)) else { return .lost }
        guard bytes.byteCount >= 5 else { return moment.isFinal ? .lost : .more(5) }
        let length = Int(bytes.big32(1)) + 1
        guard length >= 5, length <= 1 << 30 else { return .lost }
        let message = bytes.part(0, length)
        // Texts are waited for, but not those that will not be kept.
        let needed =
            switch bytes.byte(0) {
            case UInt8(ascii: "Q"): options.wantsText ? min(length, options.textLimit + 6) : 5
            case UInt8(ascii: "P"): options.wantsText ? min(length, options.textLimit + 70) : 5
            case UInt8(ascii: "B"): options.wantsText ? min(length, 140) : 5
            case UInt8(ascii: "C"): min(length, 70)
            default: 5
            }
        if message.byteCount < needed, !moment.isFinal { return .more(needed) }
        let body = message.part(5)
        switch bytes.byte(0) {
        case UInt8(ascii: "Q"): simple(body, length - 5, moment)
        case UInt8(ascii: "F"): endBatch(moment) { add(moment.start, tag: Self.query, key: sent) }
        case UInt8(ascii: "P"): prepare(body, length - 5, moment)
        case UInt8(ascii: "B"): bind(body, moment)
        case UInt8(ascii: "E"): run(moment)
        case UInt8(ascii: "C"): close(body)
        case UInt8(ascii: "S"): endBatch(moment) {}
        default: break
        }
        return .message(length)
    }

    private static func isRequestType(_ type: UInt8) -> Bool {
        switch type {
        case UInt8(ascii: "Q"), UInt8(ascii: "P"), UInt8(ascii: "B"), UInt8(ascii: "E"), UInt8(ascii: "D"),
            UInt8(ascii: "C"), UInt8(ascii: "S"), UInt8(ascii: "H"), UInt8(ascii: "F"), UInt8(ascii: "d"),
            UInt8(ascii: "c"), UInt8(ascii: "f"), UInt8(ascii: "X"), UInt8(ascii: "p"):
            true
        default: false
        }
    }

    private func startUp(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= 8 else { return moment.isFinal ? .lost : .more(8) }
        let length = Int(bytes.big32(0))
        guard length >= 8, length <= 10_000 else { return .lost }
        switch bytes.big32(4) {
        case 80_877_103, 80_877_104: awaitsNegotiation = true
        case 80_877_102: break
        case let version where version >> 16 == 3:
            if bytes.byteCount < min(length, 1024), !moment.isFinal { return .more(min(length, 1024)) }
            if options.wantsText { readParameters(bytes.part(8, length)) }
        default: return .lost
        }
        return .message(length)
    }

    /// Pairs of names and values; the database is called like the user where nothing else is said.
    private func readParameters(_ bytes: RawSpan) {
        var start = 0
        while let middle = bytes.firstIndex(of: 0, from: start), middle > start,
            let end = bytes.firstIndex(of: 0, from: middle + 1)
        {
            let name = bytes.part(start, middle)
            let isDatabase = name.byteCount == 8 && name.has("database")
            if isDatabase || database.isEmpty && name.byteCount == 4 && name.has("user") {
                database = bytes.part(middle + 1, min(end, middle + 65)).withUnsafeBytes { Array($0) }
            }
            start = end + 1
        }
    }

    private func addCommon(_ text: inout RequestText) {
        text.add(.operation, "query")
        if !database.isEmpty { text.add(.database) { $0 += database } }
    }

    private func simple(_ body: RawSpan, _ length: Int, _ moment: Moment) {
        endBatch(moment) {
            add(moment.start, tag: Self.query, key: sent) {
                guard options.wantsText else { return }
                addCommon(&$0)
                let end = body.firstIndex(of: 0)
                $0.addStatement(
                    body.part(0, end ?? .max), limit: options.textLimit, isCut: end == nil && body.byteCount < length)
            }
        }
    }

    /// `body` may add the request that the message itself is.
    private func endBatch(_ moment: Moment, _ body: () -> Void) {
        if let start = parseStart, !batchHasRequest {
            add(start, tag: Self.parse, key: sent) { if options.wantsText { $0 = parseText } }
        }
        // A Bind without an Execute is none.
        if !pending.isEmpty, lastIsOpen, pending[pending.count - 1].tag == Self.bound { removeLast() }
        body()
        forgetBatch()
        sent &+= 1
    }

    private func forgetBatch() {
        isBoundInCrowd = false
        parseStart = nil
        hasLastParse = false
        batchHasRequest = false
    }

    private func prepare(_ body: RawSpan, _ length: Int, _ moment: Moment) {
        if parseStart == nil { parseStart = moment.start }
        guard options.wantsText else { return }
        guard let middle = body.firstIndex(of: 0) else {
            hasLastParse = false
            return
        }
        let name = body.part(0, middle)
        let end = body.firstIndex(of: 0, from: middle + 1)
        let text = body.part(middle + 1, end ?? .max)
        let isCut = end == nil && body.byteCount < length
        statements.set(name, text, isCut: isCut)
        lastParse.removeAll()
        addCommon(&lastParse)
        lastParse.addStatement(text, limit: options.textLimit, isCut: isCut) {
            guard middle > 0 else { return }
            $0 += "PREPARE ".utf8
            $0.append(name.part(0, 64))
            $0 += " AS ".utf8
        }
        hasLastParse = true
        lastParseName.removeAll(keepingCapacity: true)
        name.withUnsafeBytes { lastParseName += $0 }
        if parseStart == moment.start || parseText.isEmpty { parseText = lastParse }
    }

    private func bind(_ body: RawSpan, _ moment: Moment) {
        if !pending.isEmpty, lastIsOpen, pending[pending.count - 1].tag == Self.bound { removeLast() }
        let start = batchHasRequest ? moment.start : parseStart ?? moment.start
        batchHasRequest = true
        add(start, tag: Self.bound, key: sent) { text in
            guard options.wantsText, let portal = body.firstIndex(of: 0),
                let end = body.firstIndex(of: 0, from: portal + 1)
            else { return }
            let name = body.part(portal + 1, end)
            let isLast = hasLastParse && lastParseName.withUnsafeBytes { Self.equal(RawSpan(_unsafeBytes: $0), name) }
            if isLast {
                text = lastParse
                return
            }
            addCommon(&text)
            let isKnown = statements.with(name) { text.add(.statement, $0, limit: options.textLimit + 3) }
            if !isKnown {
                text.add(.statement) {
                    $0 += "EXECUTE ".utf8
                    $0.append(name.part(0, 64))
                    $0 += " /* unknown */".utf8
                }
            }
        }
        hasLastParse = false
        isBoundInCrowd = !lastIsOpen
    }

    private static func equal(_ one: RawSpan, _ other: RawSpan) -> Bool {
        guard one.byteCount == other.byteCount else { return false }
        for index in 0..<one.byteCount where one.byte(index) != other.byte(index) { return false }
        return true
    }

    /// Execute: of the portal that was just bound, or again of an older one.
    private func run(_ moment: Moment) {
        if !pending.isEmpty, lastIsOpen, pending[pending.count - 1].tag == Self.bound {
            return changeLast { $0.tag = Self.execute }
        }
        // Beyond what is kept, the Bind was counted as the request.
        if isBoundInCrowd {
            isBoundInCrowd = false
            return
        }
        batchHasRequest = true
        add(moment.start, tag: Self.execute, key: sent) {
            guard options.wantsText else { return }
            addCommon(&$0)
            $0.add(.statement, "EXECUTE  /* unknown */")
        }
    }

    private func close(_ body: RawSpan) {
        guard body.byte(0) == UInt8(ascii: "S"), let end = body.firstIndex(of: 0, from: 1) else { return }
        statements.forget(body.part(1, end))
    }

    override func beginsRequest(_ bytes: RawSpan) -> Bool { Self.chain(bytes, length: .max, Self.isRequestType) >= 1 }

    override func requestsWereLost(at time: UInt64) {
        if let start = parseStart, !batchHasRequest {
            joinCrowd(start, tag: Self.execute, key: sent) { if options.wantsText, hasLastParse { $0 = lastParse } }
        }
        forgetBatch()
    }

    override func isSettled() {
        done = sent
        if !batchHasRequest, parseStart == nil { forgetBatch() }
    }

    // MARK: Server

    override var findsEnds: Bool { true }

    /// ReadyForQuery ends a segment; before it stand CommandComplete or ErrorResponse, and what may come between.
    override func end(of bytes: RawSpan) -> Int? {
        let ready = bytes.byteCount - 6
        guard ready >= 0, sent == done &+ 1, bytes.has("Z\u{0}\u{0}\u{0}\u{5}", at: ready) else { return nil }
        let status = bytes.byte(ready + 5)
        guard status == UInt8(ascii: "I") || status == UInt8(ascii: "T") || status == UInt8(ascii: "E") else {
            return nil
        }
        for start in 0..<ready where isEnding(bytes.part(start, ready)) { return start }
        // An error too long to be seen from its beginning, if it is one.
        answerStatus = .unknown
        return ready
    }

    /// Whether bytes are messages with which an answer ends, from the first to the last of them.
    private func isEnding(_ bytes: RawSpan) -> Bool {
        let length = Int(bytes.big32(1)) + 1
        guard length >= 5, length <= bytes.byteCount else { return false }
        let last = bytes.byte(length - 1)
        switch bytes.byte(0) {
        case UInt8(ascii: "C"):
            // A word in capital letters, and more.
            guard length > 6, last == 0, (0x41...0x5A).contains(bytes.byte(5)),
                bytes.firstIndex(of: 0, from: 5) == length - 1
            else { return false }
        // Severity, as the first field of all.
        case UInt8(ascii: "E"): guard bytes.byte(5) == UInt8(ascii: "S"), last == 0 else { return false }
        case UInt8(ascii: "I"), UInt8(ascii: "s"): guard length == 5 else { return false }
        default: return false
        }
        let rest = bytes.part(length)
        return rest.byteCount == 0 || Self.chain(rest, length: .max, Self.isAnswerType) > 0 && Self.fits(rest)
    }

    /// Whether bytes are whole messages.
    private static func fits(_ bytes: RawSpan) -> Bool {
        var start = 0
        while start < bytes.byteCount { start += max(Int(bytes.big32(start + 1)), 4) + 1 }
        return start == bytes.byteCount
    }

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        let type = bytes.byte(0)
        if awaitsNegotiation {
            awaitsNegotiation = false
            if type == UInt8(ascii: "N") { return .message(1) }
            if type != UInt8(ascii: "E") {
                isOver = true
                return .lost
            }
        }
        guard Self.isAnswerType(type) else { return .lost }
        guard bytes.byteCount >= 5 else { return moment.isFinal ? .lost : .more(5) }
        let length = Int(bytes.big32(1)) + 1
        guard length >= 5, length <= 1 << 30 else { return .lost }
        if type == UInt8(ascii: "E"), options.wantsText, bytes.byteCount < min(length, 512), !moment.isFinal {
            return .more(min(length, 512))
        }
        switch type {
        case UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "3"), UInt8(ascii: "n"), UInt8(ascii: "t"),
            UInt8(ascii: "T"), UInt8(ascii: "D"), UInt8(ascii: "G"), UInt8(ascii: "H"), UInt8(ascii: "d"),
            UInt8(ascii: "V"):
            if isCurrent { begin(moment.start) }
        case UInt8(ascii: "C"), UInt8(ascii: "I"), UInt8(ascii: "s"): completed(moment)
        case UInt8(ascii: "W"):
            // Replication: what follows goes on for ever.
            if isCurrent {
                begin(moment.start)
                finish(.ok, moment.receiver)
            }
        case UInt8(ascii: "E"): failed(bytes.part(5, length), moment)
        case UInt8(ascii: "Z"): ready(moment)
        default: break
        }
        return .message(length)
    }

    /// Whether the oldest request is in the batch that is being answered.
    private var isCurrent: Bool { !pending.isEmpty && (pending[0].key == done || hasLostSight) }

    private func completed(_ moment: Moment) {
        if pending.isEmpty {
            guard expectsAnswer else { return }
            begin(moment.start)
            return finish(.ok, moment.receiver)
        }
        guard isCurrent else { return }
        begin(moment.start)
        if tag != Self.query { finish(.ok, moment.receiver) }
    }

    private func failed(_ fields: RawSpan, _ moment: Moment) {
        if pending.isEmpty {
            guard expectsAnswer else { return }
            begin(moment.start)
            return finish(.failed, moment.receiver)
        }
        guard isCurrent else { return }
        let batch = pending[0].key
        while !pending.isEmpty, pending[0].key == batch {
            begin(moment.start)
            describe { Self.addMessage(fields, &$0) }
            finish(.failed, moment.receiver)
        }
    }

    /// The field M of an ErrorResponse.
    private static func addMessage(_ fields: RawSpan, _ text: inout RequestText) {
        var start = 0
        while fields.byte(start) != 0 {
            let end = fields.firstIndex(of: 0, from: start + 1) ?? fields.byteCount
            if fields.byte(start) == UInt8(ascii: "M") {
                return text.add(.error, fields.part(start + 1, end), limit: 256)
            }
            start = end + 1
        }
    }

    private func ready(_ moment: Moment) {
        while !pending.isEmpty, pending[0].key <= done || hasLostSight {
            begin(moment.start)
            finish(answerStatus, moment.receiver)
        }
        if done < sent { done &+= 1 }
    }

    private static func isAnswerType(_ type: UInt8) -> Bool {
        switch type {
        case UInt8(ascii: "R"), UInt8(ascii: "K"), UInt8(ascii: "S"), UInt8(ascii: "Z"), UInt8(ascii: "1"),
            UInt8(ascii: "2"), UInt8(ascii: "3"), UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "T"),
            UInt8(ascii: "D"), UInt8(ascii: "C"), UInt8(ascii: "E"), UInt8(ascii: "N"), UInt8(ascii: "A"),
            UInt8(ascii: "I"), UInt8(ascii: "s"), UInt8(ascii: "G"), UInt8(ascii: "H"), UInt8(ascii: "W"),
            UInt8(ascii: "d"), UInt8(ascii: "c"), UInt8(ascii: "V"), UInt8(ascii: "v"):
            true
        default: false
        }
    }

    // MARK: Detection

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if side == .client {
            if bytes.byte(0) == 0 { return startUpLikeness(bytes, length: length) }
            let messages = chain(bytes, length: length, isRequestType)
            if messages == 0 { return .no }
            if bytes.byte(0) == UInt8(ascii: "Q") { return queryLikeness(bytes) }
            // A batch ends with Sync.
            return messages > 1 && length == bytes.byteCount && bytes.has("S\u{0}\u{0}\u{0}\u{4}", at: length - 5)
                ? .certain : .maybe
        }
        if length == 1 {
            return bytes.byte(0) == UInt8(ascii: "S") || bytes.byte(0) == UInt8(ascii: "N") ? .maybe : .no
        }
        let messages = chain(bytes, length: length, isAnswerType)
        if messages == 0 { return .no }
        let status = bytes.byte(length - 1)
        let isReady =
            length == bytes.byteCount && bytes.has("Z\u{0}\u{0}\u{0}\u{5}", at: length - 6)
            && (status == UInt8(ascii: "I") || status == UInt8(ascii: "T") || status == UInt8(ascii: "E"))
        return isReady ? .certain : .maybe
    }

    private static func startUpLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        if bytes.byteCount < 8 { return length < 8 && bytes.byte(1) == 0 ? .partial : .no }
        guard Int(bytes.big32(0)) == length else { return .no }
        switch bytes.big32(4) {
        case 80_877_102, 80_877_103, 80_877_104: return length == 8 || length == 16 ? .certain : .no
        case 0x3_0000, 0x3_0002:
            let isEnded = length > bytes.byteCount || bytes.byte(length - 1) == 0
            return isEnded && bytes.byte(8) >= 0x61 && bytes.byte(8) <= 0x7A ? .certain : .no
        default: return .no
        }
    }

    /// A Query is text that ends with its only 0.
    private static func queryLikeness(_ bytes: RawSpan) -> Likeness {
        let length = Int(bytes.big32(1)) + 1
        guard length > 6 else { return .partial }
        let text = bytes.part(5, length)
        let end = text.firstIndex(of: 0) ?? text.byteCount
        guard end == length - 6 || end == text.byteCount && text.byteCount < length - 5 else { return .no }
        for index in 0..<end {
            let byte = text.byte(index)
            if byte < 0x20, byte != 0x09, byte != 0x0A, byte != 0x0D { return .no }
        }
        // Where its end is not there, 128 bytes without a control character: one of millions of random ones is like that.
        return end == length - 6 || end >= 128 ? .certain : .maybe
    }

    /// How many messages the bytes are from their beginning; 0 if something else is among them.
    private static func chain(_ bytes: RawSpan, length: Int, _ isType: (UInt8) -> Bool) -> Int {
        var (start, count) = (0, 0)
        while start < bytes.byteCount, count < 64 {
            guard isType(bytes.byte(start)) else { return 0 }
            if bytes.byteCount - start < 5 { return count }
            let size = Int(bytes.big32(start + 1))
            guard size >= 4, size <= 1 << 26 else { return 0 }
            switch bytes.byte(start) {
            // Sync, Flush, CopyDone, Terminate, ParseComplete and so on have no body where they are short.
            case UInt8(ascii: "Z"): if size != 5 { return 0 }
            case UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "3"), UInt8(ascii: "n"), UInt8(ascii: "I"),
                UInt8(ascii: "s"), UInt8(ascii: "X"), UInt8(ascii: "c"):
                if size != 4 { return 0 }
            default: break
            }
            start += size + 1
            count += 1
        }
        return count
    }
}
