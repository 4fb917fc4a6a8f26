/// Memcached: text protocol with meta commands, and binary protocol (memcached, doc/protocol.txt and
/// doc/protocol-binary.txt).
///
/// One request is one command, however many keys it has. Errors are ERROR, CLIENT_ERROR and SERVER_ERROR, in the binary
/// protocol what is neither success nor a key that is missing, is there or does not match. A miss is `ok`. Commands with `noreply`
/// are counted with status `unknown`, at once; quiet ones (`q`, binary GETQ, SETQ, …) that get no answer are `ok` when a
/// later one is answered.
///
/// Texts: `operation`, the command; `item`, its keys: all of get, gets, gat and gats.
final class MemcachedParser: OrderedParser {
    override class var applicationProtocol: ApplicationProtocol { .memcached }

    private static let plain: UInt32 = 0
    /// Its answer is several lines with END at last.
    private static let listing: UInt32 = 1
    /// A meta command that answers only what is unusual.
    private static let quiet: UInt32 = 2
    private static let quietGet: UInt32 = 3
    /// The last line of a group of quiet commands.
    private static let barrier: UInt32 = 4
    private static let binary: UInt32 = 5
    private static let binaryQuiet: UInt32 = 6

    private var isListing = false
    private var silent = RequestText()

    // MARK: Commands

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if bytes.byte(0) == 0x80 { return binaryRequest(bytes, moment) }
        guard let end = bytes.firstIndex(of: 0x0A) else {
            guard moment.isFinal || bytes.byteCount >= 4096 else { return .more(bytes.byteCount + 1) }
            // A long list of keys: counted, though its end is not seen.
            if let word = Self.word(bytes, 0), Self.isRetrieval(bytes.part(0, word.upperBound)) {
                joinCrowd(moment.start, tag: Self.listing, key: 0) {
                    if options.wantsText { addTexts(bytes, word, &$0, from: 1, all: true) }
                }
            }
            return .lost
        }
        let stop = end > 0 && bytes.byte(end - 1) == 0x0D ? end - 1 : end
        let line = bytes.part(0, stop)
        guard let name = Self.word(line, 0) else { return .message(end + 1) }
        for index in name where line.byte(index) < 0x20 || line.byte(index) > 0x7E { return .lost }
        return command(line, name, end + 1, moment)
    }

    private func command(_ line: RawSpan, _ name: Range<Int>, _ end: Int, _ moment: Moment) -> MessageStream.Step {
        let word = line.part(name.lowerBound, name.upperBound)
        var (tag, hasReply, value, firstKey, hasAllKeys) = (Self.plain, true, -1, 1, false)
        switch word.byteCount {
        case 2 where word.byte(0) == UInt8(ascii: "m"):
            let isQuiet = Self.hasFlag(line, UInt8(ascii: "q"), after: word.has("ms") ? 3 : 2)
            switch word.byte(1) {
            case UInt8(ascii: "n"): (tag, firstKey) = (Self.barrier, 0)
            case UInt8(ascii: "g"): tag = isQuiet ? Self.quietGet : Self.plain
            case UInt8(ascii: "s"):
                value = Self.number(line, 2)
                tag = isQuiet ? Self.quiet : Self.plain
            default: tag = isQuiet ? Self.quiet : Self.plain
            }
        case _ where Self.isStorage(word):
            value = Self.number(line, 4)
            hasReply = !Self.endsWithNoreply(line)
        case _ where Self.isRetrieval(word):
            tag = Self.listing
            hasAllKeys = true
            if word.has("gat") { firstKey = 2 }
        case 4 where word.has("incr") || word.has("decr"), 5 where word.has("touch"), 6 where word.has("delete"):
            hasReply = !Self.endsWithNoreply(line)
        case 4 where word.has("quit"): return .message(end)
        case 5 where word.has("watch"), 8 where word.has("shutdown"):
            isOver = true
            return .lost
        case 5 where word.has("stats"): (tag, firstKey) = (Self.listing, 0)
        default:
            firstKey = 0
            hasReply = !Self.endsWithNoreply(line)
        }
        func fill(_ text: inout RequestText) {
            if options.wantsText { addTexts(line, name, &text, from: firstKey, all: hasAllKeys) }
        }
        if hasReply {
            add(moment.start, tag: tag) { fill(&$0) }
        } else {
            silent.removeAll()
            fill(&silent)
            tell(.unknown, moment.start, moment.receiver, silent)
        }
        return .message(value >= 0 ? end + value + 2 : end)
    }

    private func addTexts(_ line: RawSpan, _ name: Range<Int>, _ text: inout RequestText, from: Int, all: Bool) {
        text.add(.operation, line.part(name.lowerBound, name.upperBound), limit: 32)
        guard from > 0 else { return }
        var (index, position) = (0, name.upperBound)
        while let key = Self.word(line, position) {
            index += 1
            position = key.upperBound
            if index < from { continue }
            text.add(.item, line.part(key.lowerBound, key.upperBound), limit: 250)
            if !all { return }
        }
    }

    private static func isRetrieval(_ word: RawSpan) -> Bool {
        switch word.byteCount {
        case 3: word.has("get") || word.has("gat")
        case 4: word.has("gets") || word.has("gats")
        default: false
        }
    }

    private static func isStorage(_ word: RawSpan) -> Bool {
        switch word.byteCount {
        case 3: word.has("set") || word.has("add") || word.has("cas")
        case 6: word.has("append")
        case 7: word.has("replace") || word.has("prepend")
        default: false
        }
    }

    /// The word at or after `start`.
    private static func word(_ line: RawSpan, _ start: Int) -> Range<Int>? {
        var first = start
        while line.byte(first) == 0x20 { first += 1 }
        var end = first
        while end < line.byteCount, line.byte(end) != 0x20 { end += 1 }
        return end > first ? first..<end : nil
    }

    /// The number that is word `index` (the command is 0); -1 if there is none.
    private static func number(_ line: RawSpan, _ index: Int) -> Int {
        var (count, position) = (0, 0)
        while let found = word(line, position) {
            position = found.upperBound
            if count == index { return number(line.part(found.lowerBound, found.upperBound)) }
            count += 1
        }
        return -1
    }

    private static func number(_ digits: RawSpan) -> Int {
        guard digits.byteCount > 0, digits.byteCount <= 10 else { return -1 }
        var value = 0
        for index in 0..<digits.byteCount {
            let byte = digits.byte(index)
            guard byte >= 0x30, byte <= 0x39 else { return -1 }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    private static func endsWithNoreply(_ line: RawSpan) -> Bool {
        var end = line.byteCount
        while end > 0, line.byte(end - 1) == 0x20 { end -= 1 }
        return line.has(" noreply", at: end - 8) && end <= line.byteCount && end >= 8
    }

    /// Whether a meta command has a flag, from word `index`.
    private static func hasFlag(_ line: RawSpan, _ flag: UInt8, after index: Int) -> Bool {
        var (count, position) = (0, 0)
        while let found = word(line, position) {
            if count >= index, found.count == 1, line.byte(found.lowerBound) == flag { return true }
            position = found.upperBound
            count += 1
        }
        return false
    }

    override func beginsRequest(_ bytes: RawSpan) -> Bool { Self.requestLikeness(bytes, length: .max) != .no }

    override func answersWereLost() { isListing = false }

    // MARK: Answers

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        if bytes.byte(0) == 0x81 { return binaryAnswer(bytes, moment) }
        guard let end = bytes.firstIndex(of: 0x0A) else {
            return moment.isFinal || bytes.byteCount >= 4096 ? .lost : .more(bytes.byteCount + 1)
        }
        let line = bytes.part(0, end > 0 && bytes.byte(end - 1) == 0x0D ? end - 1 : end)
        if line.has("VALUE ") {
            let length = Self.number(line, 3)
            guard length >= 0 else { return .lost }
            if expectsAnswer { begin(moment.start) }
            isListing = true
            return .message(end + 1 + length + 2)
        }
        if line.has("VA ") {
            let length = Self.number(line, 1)
            guard length >= 0 else { return .lost }
            complete(.ok, line, moment)
            return .message(end + 1 + length + 2)
        }
        let isPart = line.has("STAT ") || line.has("ITEM ") || line.has("key=") || isListing
        if isPart, !(line.byteCount == 3 && line.has("END")), !Self.isError(line) {
            if expectsAnswer { begin(moment.start) }
            isListing = true
            return .message(end + 1)
        }
        isListing = false
        if line.byteCount == 2 {
            passQuiet(for: line, moment)
        }
        complete(Self.isError(line) ? .failed : .ok, line, moment)
        return .message(end + 1)
    }

    private func complete(_ status: ExchangeStatus, _ line: RawSpan, _ moment: Moment) {
        guard expectsAnswer else { return }
        begin(moment.start)
        if status == .failed { describe { $0.add(.error, line, limit: 256) } }
        finish(status, moment.receiver)
    }

    /// Quiet commands that would not have said this are done.
    private func passQuiet(for line: RawSpan, _ moment: Moment) {
        let (isMiss, isDone, isBarrier) = (line.has("EN"), line.has("HD"), line.has("MN"))
        while let tag, tag == Self.quiet || tag == Self.quietGet {
            guard isBarrier || isMiss || isDone && tag == Self.quiet else { return }
            begin(moment.start)
            finish(.ok, moment.receiver)
        }
    }

    private static func isError(_ line: RawSpan) -> Bool {
        line.has("ERROR") || line.has("CLIENT_ERROR") || line.has("SERVER_ERROR")
    }

    // MARK: Binary protocol

    private func binaryRequest(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= 24 else { return moment.isFinal ? .lost : .more(24) }
        guard Self.isBinary(bytes) else { return .lost }
        let (length, extras, key) = (Int(bytes.big32(8)), Int(bytes.byte(4)), Int(bytes.big16(2)))
        let needed = 24 + extras + min(key, 250)
        if options.wantsText, bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let operation = bytes.byte(1)
        // QUITQ closes, SASL and the rest are answered.
        if operation == 0x17 { return .message(24 + length) }
        let isQuiet = Self.isQuiet(operation)
        add(moment.start, tag: isQuiet ? Self.binaryQuiet : Self.binary, key: UInt64(bytes.big32(12))) {
            guard options.wantsText else { return }
            Self.addName(operation, &$0)
            if key > 0 { $0.add(.item, bytes.part(24 + extras, 24 + extras + key), limit: 250) }
        }
        return .message(24 + length)
    }

    private func binaryAnswer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= 24 else { return moment.isFinal ? .lost : .more(24) }
        guard Self.isBinary(bytes) else { return .lost }
        let length = Int(bytes.big32(8))
        let key = UInt64(bytes.big32(12))
        // STAT gives several answers, the last without a key.
        if bytes.byte(1) == 0x10, length > 0 { return .message(24 + length) }
        while tag == Self.binaryQuiet, pending[0].key != key {
            begin(moment.start)
            finish(.ok, moment.receiver)
        }
        guard expectsAnswer else { return .message(24 + length) }
        begin(moment.start)
        let status = bytes.big16(6)
        let isGood = status == 0 || status == 1 || status == 2 || status == 5
        finish(isGood ? .ok : .failed, moment.receiver)
        return .message(24 + length)
    }

    /// Type of data 0, lengths that fit, an operation that exists.
    private static func isBinary(_ bytes: RawSpan) -> Bool {
        let length = Int(bytes.big32(8))
        return bytes.byte(5) == 0 && bytes.byte(1) <= 0x49 && length <= 1 << 27
            && Int(bytes.byte(4)) + Int(bytes.big16(2)) <= length
    }

    private static func isQuiet(_ operation: UInt8) -> Bool {
        switch operation {
        case 0x09, 0x0D, 0x11...0x1A, 0x1E, 0x24, 0x32, 0x34, 0x36, 0x38, 0x3A, 0x3C: operation != 0x17
        default: false
        }
    }

    private static func addName(_ operation: UInt8, _ text: inout RequestText) {
        switch operation {
        case 0x00, 0x09, 0x0C, 0x0D: text.add(.operation, "get")
        case 0x01, 0x11: text.add(.operation, "set")
        case 0x02, 0x12: text.add(.operation, "add")
        case 0x03, 0x13: text.add(.operation, "replace")
        case 0x04, 0x14: text.add(.operation, "delete")
        case 0x05, 0x15: text.add(.operation, "incr")
        case 0x06, 0x16: text.add(.operation, "decr")
        case 0x07: text.add(.operation, "quit")
        case 0x08, 0x18: text.add(.operation, "flush_all")
        case 0x0A: text.add(.operation, "noop")
        case 0x0B: text.add(.operation, "version")
        case 0x0E, 0x19: text.add(.operation, "append")
        case 0x0F, 0x1A: text.add(.operation, "prepend")
        case 0x10: text.add(.operation, "stats")
        case 0x1C: text.add(.operation, "touch")
        case 0x1D, 0x1E, 0x23, 0x24: text.add(.operation, "gat")
        case 0x20, 0x21, 0x22: text.add(.operation, "auth")
        default: text.add(.operation, "other")
        }
    }

    // MARK: Detection

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if bytes.byte(0) == (side == .client ? 0x80 : 0x81) { return binaryLikeness(bytes, length: length, side) }
        return side == .client ? requestLikeness(bytes, length: length) : answerLikeness(bytes, length: length)
    }

    private static func binaryLikeness(_ bytes: RawSpan, length: Int, _ side: Side) -> Likeness {
        guard bytes.byteCount >= 24 else {
            return length < 24 && bytes.byteCount >= 4 && bytes.byte(1) <= 0x49 ? .partial : .no
        }
        guard isBinary(bytes), 24 + Int(bytes.big32(8)) <= length else { return .no }
        return side == .server || bytes.big16(6) == 0 ? .maybe : .no
    }

    /// A command line as doc/protocol.txt has it, with the words that it has to have.
    private static func requestLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        let end = bytes.firstIndex(of: 0x0A)
        if let end, end == 0 || bytes.byte(end - 1) != 0x0D { return .no }
        let line = bytes.part(0, end.map { $0 - 1 } ?? bytes.byteCount)
        var words = 0
        var position = 0
        while let found = word(line, position) {
            words += 1
            position = found.upperBound
        }
        for index in 0..<line.byteCount where line.byte(index) < 0x20 || line.byte(index) == 0x7F { return .no }
        guard let name = word(line, 0), name.lowerBound == 0 else { return .no }
        let word = line.part(0, name.upperBound)
        let isCut = end == nil
        if isStorage(word) {
            let needed = word.has("cas") ? 6 : 5
            if isCut { return words <= needed + 1 ? .maybe : .no }
            return (words == needed || words == needed + 1) && number(line, 2) >= 0 && number(line, 4) >= 0
                ? .maybe : .no
        }
        if isRetrieval(word) { return words >= 2 || isCut ? .maybe : .no }
        if isCut { return .no }
        switch word.byteCount {
        case 2:
            guard word.byte(0) == UInt8(ascii: "m") else { return .no }
            switch word.byte(1) {
            case UInt8(ascii: "n"): return words == 1 ? .maybe : .no
            case UInt8(ascii: "g"), UInt8(ascii: "d"), UInt8(ascii: "a"), UInt8(ascii: "e"):
                return words >= 2 ? .maybe : .no
            case UInt8(ascii: "s"): return words >= 3 && number(line, 2) >= 0 ? .maybe : .no
            default: return .no
            }
        case 4 where word.has("incr") || word.has("decr"):
            return words >= 3 && words <= 4 && number(line, 2) >= 0 ? .maybe : .no
        case 5 where word.has("touch"): return words == 3 || words == 4 ? .maybe : .no
        case 5 where word.has("stats"), 7 where word.has("version"): return words <= 2 ? .maybe : .no
        case 6 where word.has("delete"): return words >= 2 && words <= 4 ? .maybe : .no
        case 9 where word.has("flush_all"): return words <= 3 ? .maybe : .no
        default: return .no
        }
    }

    private static func answerLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        guard let end = bytes.firstIndex(of: 0x0A), end > 1, bytes.byte(end - 1) == 0x0D else { return .no }
        let line = bytes.part(0, end - 1)
        if line.has("VALUE "), number(line, 3) >= 0 { return .certain }
        if line.has("VA ") { return number(line, 1) >= 0 ? .maybe : .no }
        if line.has("STAT ") || line.has("VERSION ") || line.has("CLIENT_ERROR ") || line.has("SERVER_ERROR ") {
            return .maybe
        }
        switch line.byteCount {
        case 2:
            return line.has("HD") || line.has("EN") || line.has("MN") || line.has("NS") || line.has("NF")
                || line.has("OK")
                ? .maybe : .no
        case 3: return line.has("END") ? .maybe : .no
        case 5 where line.has("ERROR"), 6 where line.has("STORED") || line.has("EXISTS"),
            7 where line.has("DELETED") || line.has("TOUCHED"), 9 where line.has("NOT_FOUND"),
            10 where line.has("NOT_STORED"):
            return .maybe
        default:
            break
        }
        if line.has("HD ") || line.has("NS ") || line.has("EN ") || line.has("NF ") || line.has("EX ") { return .maybe }
        return number(line.part(0, 20)) >= 0 && line.byteCount <= 20 ? .maybe : .no
    }
}
