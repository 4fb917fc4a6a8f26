/// Cassandra and ScyllaDB, CQL native protocol v3 to v5 (Apache Cassandra source, doc/native_protocol_v3.spec, _v4 and _v5).
///
/// One request is a QUERY, EXECUTE or BATCH; PREPARE and the log-in are none. Status: RESULT is `ok`, ERROR is `failed`. Of
/// v5, frames with and without LZ4 are read, each direction by itself: a frame is known by its CRC-24.
///
/// Texts: `operation` is `query`; `statement`, of a BATCH its first, of an EXECUTE the prepared one or
/// `EXECUTE id /* unknown */`; none of compressed v3 and v4 bodies; `database`, the keyspace of USE; `error`.
final class CassandraParser: KeyedParser {
    override class var applicationProtocol: ApplicationProtocol { .cassandra }

    private enum Opcode {
        static let error: UInt8 = 0x00
        static let startup: UInt8 = 0x01
        static let query: UInt8 = 0x07
        static let result: UInt8 = 0x08
        static let prepare: UInt8 = 0x09
        static let execute: UInt8 = 0x0A
        static let event: UInt8 = 0x0C
        static let batch: UInt8 = 0x0D
    }

    private static let uncounted: UInt32 = 1
    private static let header = 9

    private var statements: StatementCache
    private var keyspace: [UInt8] = []
    /// What is inside frames.
    private var clientEnvelopes = MessageStream()
    private var serverEnvelopes = MessageStream()
    private var unpacked: [UInt8] = []
    /// Bytes of the payload of a frame in hand that are still to come: many envelopes may be in it.
    private var payloadRest = (client: 0, server: 0)

    required init(options: ParsingOptions) {
        statements = StatementCache(textLimit: options.textLimit)
        super.init(options: options)
    }

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if payloadRest.client == 0, CassandraFrame(bytes) == nil {
            return moment.isFinal || bytes.byteCount >= 9 ? requestEnvelope(bytes, moment) : .more(9)
        }
        return unwrap(bytes, moment, &payloadRest.client) { payload, tail in
            clientEnvelopes.feed(payload, at: moment.start, missing: 0, tail: tail) { envelope, start, isFinal in
                requestEnvelope(envelope, Moment(start: start, isFinal: isFinal, receiver: moment.receiver))
            }
            if clientEnvelopes.isLost { clientEnvelopes.restart() }
            return clientEnvelopes.remaining
        }
    }

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if payloadRest.server == 0, CassandraFrame(bytes) == nil {
            return moment.isFinal || bytes.byteCount >= 9 ? answerEnvelope(bytes, moment) : .more(9)
        }
        return unwrap(bytes, moment, &payloadRest.server) { payload, tail in
            serverEnvelopes.feed(payload, at: moment.start, missing: 0, tail: tail) { envelope, start, isFinal in
                answerEnvelope(envelope, Moment(start: start, isFinal: isFinal, receiver: moment.receiver))
            }
            if serverEnvelopes.isLost { serverEnvelopes.restart() }
            return serverEnvelopes.remaining
        }
    }

    override var gaps: Int { super.gaps + clientEnvelopes.gaps + serverEnvelopes.gaps }

    override func isFoundAgain(_ side: Side) {
        switch side {
        case .client:
            clientEnvelopes.restart()
            payloadRest.client = 0
        case .server:
            serverEnvelopes.restart()
            payloadRest.server = 0
        }
    }

    /// Gives the payload of a frame to `body`, with the number of bytes that are not there; `body` says how many of those that
    /// follow are of no interest.
    private func unwrap(
        _ bytes: RawSpan, _ moment: Moment, _ rest: inout Int, _ body: (RawSpan, Int) -> Int
    ) -> MessageStream.Step {
        if rest > 0 { return goOn(bytes.part(0, rest), before: 0, moment, &rest, body) }
        guard let frame = CassandraFrame(bytes) else { return .lost }
        // What is packed has to be there as a whole.
        let needed = frame.isCompressed ? min(frame.length, 4096) : frame.header
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let payload = bytes.part(frame.header, frame.header + frame.payload)
        if frame.isCompressed {
            unpacked.removeAll(keepingCapacity: true)
            LZ4Block.unpack(payload, into: &unpacked, limit: min(frame.unpacked, 4096))
            let missing = frame.unpacked - unpacked.count
            _ = unpacked.withUnsafeBytes { body(RawSpan(_unsafeBytes: $0), missing) }
            return .message(frame.length)
        }
        rest = frame.payload
        return goOn(payload, before: frame.header, moment, &rest, body)
    }

    /// Reads more of a payload, of which `rest` bytes are to come: those that are there, and what is to be passed.
    private func goOn(
        _ payload: RawSpan, before header: Int, _ moment: Moment, _ rest: inout Int, _ body: (RawSpan, Int) -> Int
    ) -> MessageStream.Step {
        rest -= payload.byteCount
        let passed = body(payload, moment.isFinal ? rest : 0)
        if !moment.isFinal, rest > 0, passed < rest { return .message(header + payload.byteCount) }
        if !moment.isFinal, rest > 0 { _ = body(RawSpan(), rest) }
        defer { rest = 0 }
        return .message(header + payload.byteCount + rest + 4)
    }

    // MARK: Envelopes

    private func requestEnvelope(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= Self.header else { return moment.isFinal ? .lost : .more(Self.header) }
        guard Self.isEnvelope(bytes, .client) else { return .lost }
        let length = Int(bytes.big32(5))
        let opcode = bytes.byte(4)
        let isCounted = opcode == Opcode.query || opcode == Opcode.execute || opcode == Opcode.batch
        guard isCounted || opcode == Opcode.prepare && options.wantsText else { return .message(Self.header + length) }
        if options.wantsText {
            let needed = Self.header + min(length, options.textLimit + 64)
            if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        }
        let body = bytes.part(Self.header, Self.header + length)
        let flags = bytes.byte(1)
        add(moment, tag: isCounted ? 0 : Self.uncounted, key: UInt64(bytes.big16(2))) {
            $0.add(.operation, "query")
            if !keyspace.isEmpty { $0.add(.database) { $0 += keyspace } }
            if flags & 1 == 0 { describe(opcode, body.part(flags & 4 != 0 ? Self.payloadEnd(body, 0) : 0), &$0) }
        }
        return .message(Self.header + length)
    }

    private func describe(_ opcode: UInt8, _ body: RawSpan, _ text: inout RequestText) {
        switch opcode {
        case Opcode.query, Opcode.prepare: addLongString(body, 0, &text)
        case Opcode.execute: addPrepared(body, 0, &text)
        default:
            // Type, number of statements, kind of the first.
            if body.byte(3) == 0 { addLongString(body, 4, &text) } else { addPrepared(body, 4, &text) }
        }
    }

    private func addLongString(_ body: RawSpan, _ start: Int, _ text: inout RequestText) {
        let length = Int(body.big32(start))
        let value = body.part(start + 4, start + 4 + length)
        text.addStatement(value, limit: options.textLimit, isCut: value.byteCount < length)
    }

    private func addPrepared(_ body: RawSpan, _ start: Int, _ text: inout RequestText) {
        let id = body.part(start + 2, start + 2 + Int(body.big16(start)))
        let isKnown = statements.with(id) { text.add(.statement, $0, limit: options.textLimit + 3) }
        if isKnown { return }
        text.add(.statement) {
            $0 += "EXECUTE ".utf8
            for index in 0..<min(id.byteCount, 32) {
                for digit in [id.byte(index) >> 4, id.byte(index) & 15] {
                    $0.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
                }
            }
            $0 += " /* unknown */".utf8
        }
    }

    private func answerEnvelope(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= Self.header else { return moment.isFinal ? .lost : .more(Self.header) }
        guard Self.isEnvelope(bytes, .server) else { return .lost }
        let length = Int(bytes.big32(5))
        let opcode = bytes.byte(4)
        guard opcode == Opcode.error || opcode == Opcode.result else { return .message(Self.header + length) }
        if options.wantsText {
            let needed = Self.header + min(length, 512)
            if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        }
        let flags = bytes.byte(1)
        let key = UInt64(bytes.big16(2))
        let body = bytes.part(Self.header + Self.prefix(bytes, flags), Self.header + length)
        let isReadable = flags & 1 == 0 && options.wantsText
        let isPreparation = tag(of: key) == Self.uncounted
        if opcode == Opcode.error {
            finish(key, isPreparation ? nil : .failed, moment) {
                if isReadable { $0.add(.error, body.part(6, 6 + Int(body.big16(4))), limit: 256) }
            }
            return .message(Self.header + length)
        }
        finish(key, isPreparation ? nil : .ok, moment) { text in
            guard isReadable, isPreparation, body.big32(0) == 4, let entry = text.first(.statement) else { return }
            text.withBytes(entry) {
                statements.set(body.part(6, 6 + Int(body.big16(4))), marked: RawSpan(_unsafeBytes: $0))
            }
        }
        if isReadable, body.big32(0) == 3 {
            keyspace.removeAll(keepingCapacity: true)
            keyspace.append(body.part(6, 6 + min(Int(body.big16(4)), 64)))
        }
        return .message(Self.header + length)
    }

    /// Bytes before the body proper of an answer: the id of a trace, warnings, a custom payload.
    private static func prefix(_ bytes: RawSpan, _ flags: UInt8) -> Int {
        let body = bytes.part(header)
        var position = flags & 2 != 0 ? 16 : 0
        if flags & 8 != 0 {
            let count = Int(body.big16(position))
            position += 2
            for _ in 0..<min(count, 256) { position += 2 + Int(body.big16(position)) }
        }
        return flags & 4 != 0 ? payloadEnd(body, position) : position
    }

    /// The end of a custom payload, a map of strings to bytes.
    private static func payloadEnd(_ body: RawSpan, _ start: Int) -> Int {
        var position = start + 2
        for _ in 0..<min(Int(body.big16(start)), 256) {
            position += 2 + Int(body.big16(position))
            position += 4 + max(Int(Int32(bitPattern: body.big32(position))), 0)
        }
        return position
    }

    // MARK: Detection

    override func begins(_ bytes: RawSpan, _ side: Side) -> Bool {
        CassandraFrame(bytes) != nil || bytes.byteCount >= Self.header && Self.isEnvelope(bytes, side)
    }

    private static func isEnvelope(_ bytes: RawSpan, _ side: Side) -> Bool {
        let version = bytes.byte(0)
        guard version & 0x80 == (side == .server ? 0x80 : 0), version & 0x7F >= 3, version & 0x7F <= 5 else {
            return false
        }
        guard bytes.byte(1) <= 0x1F, bytes.big32(5) <= 1 << 28 else { return false }
        switch bytes.byte(4) {
        case 0x01, 0x05, 0x07, 0x09, 0x0A, 0x0B, 0x0D, 0x0F: return side == .client
        case 0x00, 0x02, 0x03, 0x06, 0x08, 0x0C, 0x0E, 0x10: return side == .server
        default: return false
        }
    }

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if let frame = CassandraFrame(bytes) {
            guard frame.length <= length else { return .no }
            if frame.isCompressed { return frame.isSelfContained ? .certain : .maybe }
            let payload = bytes.part(frame.header)
            return frame.isSelfContained && payload.byteCount >= header && isEnvelope(payload, side) ? .certain : .no
        }
        guard bytes.byteCount >= header else { return length < header && bytes.byte(0) & 0x7F <= 5 ? .partial : .no }
        // Envelopes, one after another; the first at least is there as a whole.
        var start = 0
        while bytes.byteCount - start >= header {
            guard isEnvelope(bytes.part(start), side) else { return .no }
            start += header + Int(bytes.big32(start + 5))
            if start == length { return .certain }
        }
        return start > length ? .no : .maybe
    }
}
