/// The Kafka protocol (Apache Kafka, "A Guide To The Kafka Protocol"): requests and answers with a length before them, matched
/// by correlation id.
///
/// A produce request that wants no acknowledgement has no answer and counts as good at once. An answer's status is its first
/// error code, as far as the API and its version are known and the answer was captured; `unknown` otherwise.
final class KafkaParser: ProtocolParser {
    /// What may be in one message: brokers take 100 MiB unless they are told otherwise.
    private static let longestMessage: UInt32 = 1 << 30
    /// Length, key, version, correlation id and the length of the client's id.
    private static let headerSize = 14
    /// Bytes of an answer that are waited for.
    private static let answerSize = 1024
    /// Messages in a row that make no sense: what authenticates in the oldest way sends a few.
    private static let mostNonsense = 12

    private var requests = MessageStream()
    private var answers = MessageStream()
    private var pending = PendingRequests()
    private var nonsense = 0
    /// Answers may have been missed since the last that was matched.
    private var hasGap = false

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        guard bytes.byteCount >= 8 else { return .partial }
        let size = bytes.big32(0)
        if side == .server {
            guard size >= 4, size <= longestMessage, bytes.big32(4) <= Int32.max else { return .no }
            return Int(size) + 4 == length ? .maybe : .partial
        }
        guard bytes.byteCount >= headerSize else { return isPlausible(bytes) ? .partial : .no }
        guard isPlausible(bytes), isClientName(bytes) else { return .no }
        // A client without a name says too little.
        return Int16(bitPattern: bytes.big16(12)) > 0 ? .certain : .maybe
    }

    /// Length, key, version and correlation id.
    private static func isPlausible(_ bytes: RawSpan) -> Bool {
        let size = bytes.big32(0)
        return size >= 8 && size <= longestMessage && bytes.big16(4) <= KafkaAPI.highestKey
            && bytes.big16(6) <= KafkaAPI.highestVersion && bytes.big32(8) <= Int32.max
    }

    /// Whether the client's id is missing or a text within the message, as far as it is there.
    private static func isClientName(_ bytes: RawSpan) -> Bool {
        let count = Int(Int16(bitPattern: bytes.big16(12)))
        guard count >= 0 else { return count == -1 }
        guard count <= 1024, count + 10 <= Int(bytes.big32(0)) else { return false }
        let name = bytes.part(headerSize, headerSize + count)
        for index in 0..<name.byteCount where name.byte(index) < 0x20 || name.byte(index) == 0x7F { return false }
        return true
    }

    private static func isSureRequest(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= headerSize && isPlausible(bytes) && isClientName(bytes) && bytes.big16(12) != 0
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if side == .client {
            requests.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { Self.isSureRequest($0) ? 0 : nil },
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
        while let oldest = pending.oldest, oldest < deadline {
            let isSilent = Tag(pending[0].tag).mayBeSilent
            pending.report(.kafka, isSilent ? .ok : .unanswered, end: isSilent ? nil : time, to: receiver)
        }
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { requests.gaps + answers.gaps }
    override var isLost: Bool { nonsense > Self.mostNonsense }

    /// What is remembered of a request beside its correlation id.
    private struct Tag {
        var key: Int16
        var version: Int16
        /// Whether it may be one without an answer: a produce request of which it was not captured.
        var mayBeSilent: Bool

        init(key: Int16, version: Int16, mayBeSilent: Bool) {
            self.key = key
            self.version = version
            self.mayBeSilent = mayBeSilent
        }

        init(_ bits: UInt32) {
            key = Int16(truncatingIfNeeded: bits & 0xFF)
            version = Int16(truncatingIfNeeded: bits >> 8 & 0xFF)
            mayBeSilent = bits >> 16 != 0
        }

        var bits: UInt32 {
            UInt32(UInt8(truncatingIfNeeded: key)) | UInt32(UInt8(truncatingIfNeeded: version)) << 8
                | (mayBeSilent ? 1 << 16 : 0)
        }
    }

    private func request(
        _ message: RawSpan, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < 4 { return isFinal ? .lost : .more(4) }
        let size = message.big32(0)
        guard size <= Self.longestMessage, size > 0 else { return .lost }
        let total = 4 + Int(size)
        if message.byteCount < min(total, Self.headerSize) {
            return isFinal ? .lost : .more(min(total, Self.headerSize))
        }
        guard Self.isPlausible(message), Self.isClientName(message) else {
            // Tokens of authentication, without a header.
            nonsense += 1
            return .message(total)
        }
        let (key, version) = (Int16(bitPattern: message.big16(4)), Int16(bitPattern: message.big16(6)))
        let nameSize = max(Int(Int16(bitPattern: message.big16(12))), 0)
        // As far as the number of acknowledgements, or the name of a topic.
        let interesting = options.wantsText ? 512 : key == KafkaAPI.produce ? 64 : 0
        let wanted = min(total, Self.headerSize + nameSize + interesting)
        if message.byteCount < wanted, !isFinal { return .more(wanted) }

        let whole = message.part(0, total)
        let isFlexible = version >= KafkaAPI.named(key)?.flexible ?? 0
        // The client's id is never of the compact form.
        var reader = KafkaReader(whole, at: Self.headerSize + nameSize, isFlexible: isFlexible)
        reader.tags()
        nonsense = 0
        var acknowledgements: Int16?
        if key == KafkaAPI.produce {
            if version >= 3 { reader.skipString() }
            let value = reader.int16()
            if !reader.isCut { acknowledgements = value }
            reader.skip(4)
        }
        pending.makeRoom(.kafka, receiver)
        let tag = Tag(key: key, version: version, mayBeSilent: key == KafkaAPI.produce && acknowledgements == nil)
        let limit = options.textLimit
        pending.add(start: start, key: UInt64(message.big32(8)), tag: tag.bits) {
            guard options.wantsText else { return }
            if let api = KafkaAPI.named(key) { $0.add(.operation, api.name) }
            let topic = Self.topic(key, version, &reader)
            if topic.byteCount > 0 { $0.add(.target, topic, limit: limit) }
        }
        if acknowledgements == 0 { pending.report(at: pending.count - 1, .kafka, .ok, end: nil, to: receiver) }
        return .message(total)
    }

    /// The first topic of a request, where it has names; `reader` is after the header, of a produce request before the topics.
    @_lifetime(copy reader)
    @_lifetime(reader: copy reader)
    private static func topic(_ key: Int16, _ version: Int16, _ reader: inout KafkaReader) -> RawSpan {
        var hasName = true
        switch key {
        case KafkaAPI.produce: hasName = version < 13
        case KafkaAPI.fetch:
            hasName = version < 13
            // Replica, waiting time and bytes; the level of isolation; the session.
            reader.skip((version >= 4 ? 17 : version >= 3 ? 16 : 12) + (version >= 7 ? 8 : 0))
        case 2: reader.skip(version >= 2 ? 5 : 4)
        case 3:
            if version >= 10 {
                guard reader.count() > 0 else { return reader.nothing }
                reader.skip(16)
                return reader.string()
            }
        case 8:
            hasName = version < 10
            reader.skipString()
            if version >= 1 {
                reader.skip(4)
                reader.skipString()
            }
            if version >= 7 { reader.skipString() }
            if version >= 2 && version <= 4 { reader.skip(8) }
        case 9:
            hasName = version < 8
            reader.skipString()
        case 20: hasName = true
        case 19, 21, 37: break
        default: hasName = false
        }
        guard hasName, reader.count() > 0 else { return reader.nothing }
        return reader.string()
    }

    private func isSureAnswer(_ bytes: RawSpan) -> Bool {
        let size = bytes.big32(0)
        return bytes.byteCount >= 8 && size >= 4 && size <= Self.longestMessage
            && pending.index(ofKey: UInt64(bytes.big32(4))) != nil
    }

    private func answer(
        _ message: RawSpan, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < 4 { return isFinal ? .lost : .more(4) }
        let size = message.big32(0)
        guard size <= Self.longestMessage, size > 0 else { return .lost }
        let total = 4 + Int(size)
        if message.byteCount < min(total, 8) { return isFinal ? .lost : .more(min(total, 8)) }
        guard size >= 4, let index = pending.index(ofKey: UInt64(message.big32(4))) else {
            // The request was not seen, or this is a token of authentication.
            return .message(total)
        }
        let wanted = min(total, Self.answerSize)
        if message.byteCount < wanted, !isFinal { return .more(wanted) }
        finishEarlier(than: index, receiver)
        guard let index = pending.index(ofKey: UInt64(message.big32(4))) else { return .message(total) }
        let tag = Tag(pending[index].tag)
        let status = KafkaAnswer.status(of: tag.key, version: tag.version, message.part(8, total))
        pending.report(at: index, .kafka, status, end: start, to: receiver)
        return .message(total)
    }

    /// A broker answers in the order of the requests: what is older than the one that is answered now had no answer, or one
    /// that was not seen.
    private func finishEarlier(than index: Int, _ receiver: any ExchangeReceiver) {
        var (left, at) = (index, 0)
        while left > 0 {
            left -= 1
            if Tag(pending[at].tag).mayBeSilent {
                pending.report(at: at, .kafka, .ok, end: nil, to: receiver)
            } else if hasGap {
                pending.report(at: at, .kafka, .unknown, end: nil, to: receiver)
            } else {
                at += 1
            }
        }
        hasGap = false
    }
}
