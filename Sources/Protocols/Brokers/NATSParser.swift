/// The NATS client protocol (docs.nats.io, "Client Protocol"): lines that end in CR LF, and payloads whose size their line says.
///
/// Messages that the client publishes and those that it gets count when their line is seen, as good: they have no answer of
/// their own.
final class NATSParser: ProtocolParser {
    /// The longest line that is read whole; longer ones are only passed (`INFO` and `CONNECT` may carry much).
    private static let longestLine = 4096
    /// Servers take at most 64 MiB.
    private static let longestPayload = 1 << 26

    /// One direction.
    private struct Direction {
        var stream = MessageStream(limit: NATSParser.longestLine)
        /// Whether the rest of a line of no interest is being passed.
        var isPassingLine = false
    }

    private enum Command {
        /// A message, with the bytes that follow its line; `target` are the bounds of its subject.
        case message(payload: Int, subject: Range<Int>)
        /// Anything else that one side may say.
        case other
    }

    private var client = Direction()
    private var server = Direction()
    private var losses = 0
    /// The text of a message is used again for the next.
    private var text = RequestText()

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        let end = bytes.firstIndex(of: UInt8(ascii: "\n"), before: longestLine)
        guard let end else {
            guard bytes.byteCount < longestLine, mayBeWord(bytes, from: side) else { return .no }
            return begins(bytes, from: side) ? .certain : .maybe
        }
        guard let command = command(bytes.part(0, end + 1), from: side) else { return .no }
        switch command {
        case .message: return .certain
        case .other:
            // PING, PONG, +OK and -ERR are said by others too.
            return begins(bytes, from: side) || word(bytes).isWord("SUB") ? .certain : .maybe
        }
    }

    /// Whether this is the greeting of one side, which nothing else begins with.
    private static func begins(_ bytes: RawSpan, from side: Side) -> Bool {
        side == .client ? bytes.has("CONNECT {") : bytes.has("INFO {")
    }

    /// Whether a line that is not there whole may begin as one of this side does.
    private static func mayBeWord(_ bytes: RawSpan, from side: Side) -> Bool {
        let word = word(bytes)
        if word.byteCount < bytes.byteCount { return Verb(word, side) != nil }
        for verb in Verb.names(of: side) {
            var isPrefix = word.byteCount <= verb.utf8CodeUnitCount
            for index in 0..<word.byteCount where isPrefix {
                let value = word.byte(index)
                isPrefix = (value >= 0x61 && value <= 0x7A ? value & 0xDF : value) == verb.utf8Start[index]
            }
            if isPrefix { return true }
        }
        return false
    }

    private static func isBlank(_ value: UInt8) -> Bool { value == 0x20 || value == 0x09 }

    /// The bytes before the first blank or end of line.
    @_lifetime(copy bytes)
    private static func word(_ bytes: RawSpan) -> RawSpan {
        var end = 0
        while end < min(bytes.byteCount, 16) {
            let value = bytes.byte(end)
            if isBlank(value) || value == 0x0D || value == 0x0A { break }
            end += 1
        }
        return bytes.part(0, end)
    }

    private enum Verb {
        case publish, publishWithHeaders, message, messageWithHeaders, other

        /// Nil if this side says no such thing.
        init?(_ word: RawSpan, _ side: Side) {
            switch side {
            case .client:
                if word.isWord("PUB") {
                    self = .publish
                } else if word.isWord("HPUB") {
                    self = .publishWithHeaders
                } else if word.isWord("SUB") || word.isWord("UNSUB") || word.isWord("CONNECT") || word.isWord("PING")
                    || word.isWord("PONG")
                {
                    self = .other
                } else {
                    return nil
                }
            case .server:
                if word.isWord("MSG") {
                    self = .message
                } else if word.isWord("HMSG") {
                    self = .messageWithHeaders
                } else if word.isWord("INFO") || word.isWord("PING") || word.isWord("PONG") || word.isWord("+OK")
                    || word.isWord("-ERR")
                {
                    self = .other
                } else {
                    return nil
                }
            }
        }

        static func names(of side: Side) -> [StaticString] {
            side == .client
                ? ["PUB", "HPUB", "SUB", "UNSUB", "CONNECT", "PING", "PONG"]
                : ["MSG", "HMSG", "INFO", "PING", "PONG", "+OK", "-ERR"]
        }

        /// Words between the verb and the sizes: subject, subscription and perhaps where to reply.
        var words: ClosedRange<Int> {
            switch self {
            case .publish, .publishWithHeaders: 1...2
            case .message, .messageWithHeaders: 2...3
            case .other: 0...0
            }
        }

        var sizes: Int {
            switch self {
            case .publish, .message: 1
            case .publishWithHeaders, .messageWithHeaders: 2
            case .other: 0
            }
        }
    }

    /// What a line says, its end included; nil if this side says no such thing.
    private static func command(_ line: RawSpan, from side: Side) -> Command? {
        let word = word(line)
        let count = line.byteCount
        guard count >= 2, line.byte(count - 2) == 0x0D, let verb = Verb(word, side) else { return nil }
        if verb == .other { return .other }
        // The words of the line; the sizes are the last.
        var (at, words, subject) = (word.byteCount, 0, 0..<0)
        var (size, lastSize, isNumber, lastIsNumber) = (0, 0, false, false)
        while true {
            while at < count - 2, isBlank(line.byte(at)) { at += 1 }
            if at >= count - 2 { break }
            let start = at
            (lastSize, lastIsNumber) = (size, isNumber)
            (size, isNumber) = (0, true)
            while at < count - 2, !isBlank(line.byte(at)) {
                let value = line.byte(at)
                if value < 0x21 || value == 0x7F { return nil }
                isNumber = isNumber && value >= 0x30 && value <= 0x39 && size < longestPayload
                if isNumber { size = size * 10 + Int(value - 0x30) }
                at += 1
            }
            if words == 0 { subject = start..<at }
            words += 1
        }
        guard isNumber, size <= longestPayload, verb.words.contains(words - verb.sizes) else { return nil }
        if verb.sizes == 2, !lastIsNumber || lastSize > size { return nil }
        return .message(payload: size + 2, subject: subject)
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if side == .client {
            read(bytes, &client, .client, time, missing, tail, receiver)
        } else {
            read(bytes, &server, .server, time, missing, tail, receiver)
        }
    }

    override var gaps: Int { client.stream.gaps + server.stream.gaps }
    override var isLost: Bool { losses > 16 }

    private func read(
        _ bytes: RawSpan, _ direction: inout Direction, _ side: Side, _ time: UInt64, _ missing: Int, _ tail: Int,
        _ receiver: any ExchangeReceiver
    ) {
        var isPassing = direction.isPassingLine && missing == 0
        direction.stream.feed(
            bytes, at: time, missing: missing, tail: tail, findingBy: { Self.beginning($0, from: side) },
            { message, start, isFinal in line(message, side, start, isFinal, &isPassing, receiver) })
        direction.isPassingLine = isPassing && !direction.stream.isLost
    }

    /// Where a line with a message surely begins: at the beginning of a segment, or after the end of another.
    private static func beginning(_ bytes: RawSpan, from side: Side) -> Int? {
        var start = 0
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: start) {
            if case .message = command(bytes.part(start, end + 1), from: side) { return start }
            start = end + 1
        }
        return nil
    }

    private func line(
        _ message: RawSpan, _ side: Side, _ start: UInt64, _ isFinal: Bool, _ isPassing: inout Bool,
        _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        guard let end = message.firstIndex(of: UInt8(ascii: "\n"), before: Self.longestLine) else {
            if isPassing { return .message(message.byteCount) }
            if !Self.mayBeWord(message, from: side) { return lose() }
            let isOther = Verb(Self.word(message), side) == .other
            if isOther, message.byteCount >= 16 {
                isPassing = true
                return .message(message.byteCount)
            }
            return isFinal ? lose() : .more(message.byteCount + 1)
        }
        if isPassing {
            isPassing = false
            return .message(end + 1)
        }
        guard let command = Self.command(message.part(0, end + 1), from: side) else { return lose() }
        guard case .message(let payload, let subject) = command else { return .message(end + 1) }
        losses = 0
        text.removeAll()
        if options.wantsText {
            if side == .client { text.add(.operation, "publish") } else { text.add(.operation, "deliver") }
            text.add(.target, message.part(subject.lowerBound, subject.upperBound), limit: options.textLimit)
        }
        receiver.receive(
            Exchange(.nats, side == .client ? .produce : .consume, status: .ok, start: start, end: start), text)
        return .message(end + 1 + payload)
    }

    private func lose() -> MessageStream.Step {
        losses += 1
        return .lost
    }
}
