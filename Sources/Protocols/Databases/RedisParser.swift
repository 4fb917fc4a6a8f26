/// Redis (and Valkey, KeyDB, Dragonfly), RESP2 and RESP3 (redis.io, "Redis serialization protocol specification").
///
/// One request is one command: also inside MULTI, where each is answered with QUEUED, and EXEC. Errors are `-` and `!`.
/// No answers: pushes (`>`), messages to a subscriber, invalidations. A SUBSCRIBE of several channels is answered by its
/// first confirmation. Commands after CLIENT REPLY OFF or SKIP are counted with status `unknown`, at once. Replication (SYNC,
/// PSYNC) is not read.
///
/// Texts: `operation`, the command; `target`, its first argument; `statement`, both, with ` ...` if there are more arguments;
/// `error`.
///
/// Commands and replies are read element by element, so that only what begins in uncaptured bytes is lost.
final class RedisParser: OrderedParser {
    override class var applicationProtocol: ApplicationProtocol { .redis }

    private static let plain: UInt32 = 0
    private static let subscription: UInt32 = 1
    private static let replication: UInt32 = 2

    /// Elements of the command that are still to come, and how many there are in all.
    private var arguments = 0
    private var argumentCount = 0
    private var commandStart: UInt64 = 0
    private var isClientCommand = false
    private var isReplyCommand = false
    /// Commands that get no reply: all, or so many.
    private var isMute = false
    private var muted = 0

    /// Elements of the reply that are still to come.
    private var elements = 0
    private enum Reply { case answer, unclear, ignored }
    private var reply = Reply.answer
    private var isSubscribed = false
    private var mutedText = RequestText()
    private var isMutedCommand = false

    // MARK: Commands

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if arguments > 0 { return argument(bytes, moment) }
        guard bytes.byte(0) == UInt8(ascii: "*") else { return inline(bytes, moment) }
        guard let (count, end) = Self.number(bytes) else { return Self.incomplete(bytes, 24, moment) }
        guard count >= -1, count <= 1 << 24 else { return .lost }
        if count > 0 {
            arguments = count
            argumentCount = count
            commandStart = moment.start
        }
        return .message(end)
    }

    private func argument(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byte(0) == UInt8(ascii: "$") else { return .lost }
        guard let (length, end) = Self.number(bytes) else { return Self.incomplete(bytes, 24, moment) }
        guard length >= 0, length <= 1 << 32 else { return .lost }
        let index = argumentCount - arguments
        let wanted = index == 0 || index == 1 && (options.wantsText || isClientCommand) || index == 2 && isReplyCommand
        let needed = index == 0 ? min(length, 64) : min(length, options.textLimit)
        if wanted, bytes.byteCount < end + needed, !moment.isFinal { return .more(end + needed) }
        let value = bytes.part(end, end + length)
        switch index {
        case 0: command(value, moment)
        case 1: firstArgument(value, isCut: value.byteCount < length, moment)
        case 2 where isReplyCommand: setReplies(value, moment)
        default: break
        }
        arguments -= 1
        if arguments == 0, isMutedCommand { tellMuted(moment) }
        return .message(end + length + 2)
    }

    private func command(_ name: RawSpan, _ moment: Moment) {
        isClientCommand = argumentCount == 3 && name.isWord("CLIENT")
        isReplyCommand = false
        isMutedCommand = isMute || muted > 0
        if muted > 0 { muted -= 1 }
        if isMutedCommand {
            mutedText.removeAll()
            if options.wantsText { addName(name, &mutedText) }
            return
        }
        add(commandStart, tag: Self.tag(of: name)) { if options.wantsText { addName(name, &$0) } }
    }

    private func addName(_ name: RawSpan, _ text: inout RequestText) {
        text.add(.operation, name, limit: 64)
        if argumentCount == 1 { text.add(.statement, name, limit: 64) }
    }

    private static func tag(of name: RawSpan) -> UInt32 {
        switch name.byteCount {
        case 4 where name.isWord("SYNC"), 5 where name.isWord("PSYNC"): replication
        case 9 where name.isWord("SUBSCRIBE"), 10 where name.isWord("PSUBSCRIBE") || name.isWord("SSUBSCRIBE"),
            11 where name.isWord("UNSUBSCRIBE"),
            12 where name.isWord("PUNSUBSCRIBE") || name.isWord("SUNSUBSCRIBE"):
            subscription
        default: plain
        }
    }

    private func firstArgument(_ value: RawSpan, isCut: Bool, _ moment: Moment) {
        if isClientCommand { isReplyCommand = value.isWord("REPLY") }
        guard options.wantsText else { return }
        let (limit, hasMore) = (options.textLimit, argumentCount > 2)
        func fill(_ text: inout RequestText) {
            text.add(.target, value, limit: limit, isCut: isCut)
            guard let name = text.first(.operation) else { return }
            let isLong = isCut || value.byteCount > limit
            text.addStatement(
                after: name, " ", value.part(0, limit), hasMore ? " ..." : isLong ? "..." : "")
        }
        if isMutedCommand { return fill(&mutedText) }
        changeLast { fill(&$0.text) }
    }

    /// CLIENT REPLY ON, OFF or SKIP: only ON is answered.
    private func setReplies(_ value: RawSpan, _ moment: Moment) {
        let isOff = value.isWord("OFF")
        guard isOff || value.isWord("SKIP") || value.isWord("ON") else { return }
        if value.isWord("ON") {
            isMute = false
            if isMutedCommand {
                isMutedCommand = false
                add(commandStart, tag: Self.plain) { $0 = mutedText }
            }
            return
        }
        if isOff { isMute = true } else if !isMute { muted = 1 }
        if !isMutedCommand { takeBackLast(moment) }
    }

    /// The last request gets no answer after all.
    private func takeBackLast(_ moment: Moment) {
        guard lastIsOpen else { return }
        removeLast { tell(.unknown, $0.start, moment.receiver, $0.text) }
    }

    private func tellMuted(_ moment: Moment) {
        isMutedCommand = false
        tell(.unknown, commandStart, moment.receiver, mutedText)
    }

    /// A command as people type it: words in one line.
    private func inline(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard let end = bytes.firstIndex(of: 0x0A) else { return Self.incomplete(bytes, 4096, moment) }
        var words = 0
        var index = 0
        var (name, first) = (0..<0, 0..<0)
        while index < end {
            while index < end, Self.isBlank(bytes.byte(index)) { index += 1 }
            let start = index
            while index < end, !Self.isBlank(bytes.byte(index)) {
                // No text: this is no command.
                if bytes.byte(index) < 0x20 { return .lost }
                index += 1
            }
            if index == start { break }
            if words == 0 { name = start..<index } else if words == 1 { first = start..<index }
            words += 1
        }
        guard words > 0 else { return .message(end + 1) }
        (argumentCount, commandStart) = (words, moment.start)
        command(bytes.part(name.lowerBound, name.upperBound), moment)
        if words > 1 { firstArgument(bytes.part(first.lowerBound, first.upperBound), isCut: false, moment) }
        if isMutedCommand { tellMuted(moment) }
        return .message(end + 1)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0D || byte == 0x09 }

    override func beginsRequest(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= 8 && Self.commandLikeness(bytes, length: .max) != .no
    }

    override func requestsAreFoundAgain() { arguments = 0 }
    override func requestsWereLost(at time: UInt64) { arguments = 0 }

    // MARK: Replies

    override func answersWereLost() {
        elements = 0
        reply = .answer
    }

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        let type = bytes.byte(0)
        let isTop = elements == 0
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            guard let (length, end) = Self.number(bytes) else { return Self.incomplete(bytes, 24, moment) }
            guard length >= -1, length <= 1 << 32 else { return .lost }
            if type == UInt8(ascii: "!") || reply == .unclear {
                let needed = min(max(length, 0), type == UInt8(ascii: "!") ? options.textLimit : 16)
                if bytes.byteCount < end + needed, !moment.isFinal { return .more(end + needed) }
            }
            let value = bytes.part(end, end + max(length, 0))
            take(type, value, isTop: isTop, moment)
            return .message(length < 0 ? end : end + length + 2)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "#"),
            UInt8(ascii: ","), UInt8(ascii: "("):
            guard let end = bytes.firstIndex(of: 0x0A) else {
                if moment.isFinal, isTop {
                    begin(moment.start, type == UInt8(ascii: "-") ? .failed : .ok)
                }
                return Self.incomplete(bytes, 4096, moment)
            }
            let stop = end > 1 && bytes.byte(end - 1) == 0x0D ? end - 1 : end
            take(type, bytes.part(1, stop), isTop: isTop, moment)
            return .message(end + 1)
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "%"), UInt8(ascii: "|"):
            guard let (count, end) = Self.number(bytes) else { return Self.incomplete(bytes, 24, moment) }
            guard count >= -1, count <= 1 << 32, elements <= 1 << 40 else { return .lost }
            return aggregate(type, max(count, 0), end, isTop: isTop, moment)
        default:
            return .lost
        }
    }

    private func aggregate(
        _ type: UInt8, _ count: Int, _ end: Int, isTop: Bool, _ moment: Moment
    ) -> MessageStream.Step {
        let isMap = type == UInt8(ascii: "%") || type == UInt8(ascii: "|")
        if isTop {
            elements = 1
            if type == UInt8(ascii: ">") {
                reply = count > 0 ? .unclear : .ignored
            } else if type == UInt8(ascii: "*"), isSubscribed, count > 0 {
                reply = .unclear
            } else {
                reply = .answer
                if expectsAnswer { begin(moment.start) }
            }
        }
        // An attribute stands before the value that it belongs to.
        if type == UInt8(ascii: "|") { elements += 1 }
        elements += isMap ? count * 2 : count
        elements -= 1
        if elements == 0 { complete(moment) }
        return .message(end)
    }

    /// A value without elements.
    private func take(_ type: UInt8, _ value: RawSpan, isTop: Bool, _ moment: Moment) {
        if isTop {
            reply = .answer
            elements = 1
            if expectsAnswer {
                let isError = type == UInt8(ascii: "-") || type == UInt8(ascii: "!")
                begin(moment.start, isError ? .failed : .ok)
                if isError { describe { $0.add(.error, value, limit: 256) } }
            }
        } else if reply == .unclear {
            decide(value, moment)
        }
        elements -= 1
        if elements == 0 { complete(moment) }
    }

    /// The first word of a push or of something to a subscriber says what it is.
    private func decide(_ name: RawSpan, _ moment: Moment) {
        let isPushed =
            name.has("message") || name.has("pmessage") || name.has("smessage") || name.has("invalidate")
        let isConfirmation = Self.tag(of: name) == Self.subscription
        if isConfirmation {
            isSubscribed = true
            reply = tag == Self.subscription || tag == nil && expectsAnswer ? .answer : .ignored
        } else {
            reply = isPushed || !isSubscribed ? .ignored : .answer
        }
        if reply == .answer, expectsAnswer { begin(moment.start) }
    }

    private func complete(_ moment: Moment) {
        let wasAnswer = reply == .answer
        reply = .answer
        guard wasAnswer, expectsAnswer, answerStart != nil else { return }
        if tag == Self.replication, answerStatus == .ok { isOver = true }
        finish(answerStatus, moment.receiver)
    }

    // MARK: Numbers and lines

    /// The number after the type byte, and where its line ends; nil if the line is not complete, or no number (then its end
    /// is 0 and the number out of every range).
    private static func number(_ bytes: RawSpan) -> (Int, end: Int)? {
        var index = 1
        var value = 0
        let isNegative = bytes.byte(1) == UInt8(ascii: "-")
        if isNegative { index = 2 }
        while index < bytes.byteCount, index < 22 {
            let byte = bytes.byte(index)
            if byte == 0x0D {
                if index + 1 >= bytes.byteCount { return nil }
                guard bytes.byte(index + 1) == 0x0A, index > (isNegative ? 2 : 1) else { return (.min, 0) }
                return (isNegative ? -value : value, index + 2)
            }
            guard byte >= 0x30, byte <= 0x39, value < 1 << 50 else { return (.min, 0) }
            value = value * 10 + Int(byte - 0x30)
            index += 1
        }
        return index < 22 ? nil : (.min, 0)
    }

    private static func incomplete(_ bytes: RawSpan, _ limit: Int, _ moment: Moment) -> MessageStream.Step {
        moment.isFinal || bytes.byteCount >= limit ? .lost : .more(bytes.byteCount + 1)
    }

    // MARK: Detection

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        side == .client ? commandLikeness(bytes, length: length) : replyLikeness(bytes, length: length)
    }

    /// An array that begins with the name of a command is certain; another name may be a module's. Of inline commands only
    /// those that check a connection.
    private static func commandLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        guard bytes.byte(0) == UInt8(ascii: "*") else {
            var start = 0
            while bytes.part(start, start + 4).isWord("PING"), bytes.has("\r\n", at: start + 4) { start += 6 }
            return start > 0 && start == bytes.byteCount ? .maybe : .no
        }
        guard let (count, end) = number(bytes) else { return bytes.byteCount < 12 ? .partial : .no }
        guard count >= 1, count <= 1 << 20 else { return .no }
        if end >= bytes.byteCount { return .partial }
        guard bytes.byte(end) == UInt8(ascii: "$") else { return .no }
        guard let (size, start) = number(bytes.part(end)) else { return bytes.byteCount - end < 8 ? .partial : .no }
        guard size >= 2, size <= 40 else { return .no }
        let name = bytes.part(end + start, end + start + size)
        for index in 0..<name.byteCount {
            let byte = name.byte(index)
            let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
            guard
                isLetter || index > 0 && (byte == 0x2E || byte == 0x5F || byte == 0x2D || byte >= 0x30 && byte <= 0x39)
            else { return .no }
        }
        if name.byteCount < size { return .partial }
        guard bytes.byteCount < end + start + size + 2 || bytes.has("\r\n", at: end + start + size) else { return .no }
        return RedisCommands.contain(name) ? .certain : .maybe
    }

    private static func replyLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        switch bytes.byte(0) {
        case UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: ":"), UInt8(ascii: "%"), UInt8(ascii: ">"),
            UInt8(ascii: "~"), UInt8(ascii: "="):
            guard let (value, _) = number(bytes) else { return bytes.byteCount < 4 ? .partial : .no }
            return value >= -1 || bytes.byte(0) == UInt8(ascii: ":") && value != .min ? .maybe : .no
        case UInt8(ascii: "_"): return bytes.has("_\r\n") ? .maybe : .no
        case UInt8(ascii: "#"): return bytes.has("#t\r\n") || bytes.has("#f\r\n") ? .maybe : .no
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ","), UInt8(ascii: "("):
            // NATS says +OK and -ERR too, and PONG without a sign; its INFO comes first.
            let end = bytes.firstIndex(of: 0x0D) ?? bytes.byteCount
            for index in 1..<max(end, 1) where bytes.byte(index) < 0x20 { return .no }
            return end < bytes.byteCount || bytes.byteCount < 512 ? .maybe : .no
        default: return .no
        }
    }
}
