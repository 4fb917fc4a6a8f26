/// Joins the lines of one stream to messages: stack traces and other continued texts are one message.
///
/// The rules are those of coroot-node-agent, on whose results a server depends; only here a line that is no UTF-8 is
/// repaired, there it is dropped. At most `limit` bytes of a message are kept, and what is beyond is counted.
/// Memory: one message.
public struct MessageJoiner: ~Copyable {
    /// The longest message in bytes.
    public static let limit = 65_536

    /// Bytes beyond the limit.
    public private(set) var cutBytes: UInt64 = 0
    /// Lines that were no UTF-8.
    public private(set) var repairedLines: UInt64 = 0

    /// The open message's lines, separated by line feeds.
    private var content: [UInt8] = []
    /// Bytes that count against the limit, with one for each line's end.
    private var size = 0
    private var lines = 0
    /// The level of the first line, or else of its source.
    public private(set) var level = LogLevel.unknown
    /// That of the first line of the open message.
    public private(set) var origin = LineOrigin()
    private var hasClock = false
    /// Of the line that `isEnded` was asked about last, where it had to look.
    private var lineHasClock: Bool?
    /// A traceback's head was seen: its first line without indentation is the exception, which belongs to it.
    private var isTraceback = false
    /// Python announced another traceback of the same exception.
    private var expectsTraceback = false

    public init() { content.reserveCapacity(1024) }

    /// Whether lines wait for others that belong to them.
    public var isOpen: Bool { lines > 0 }

    /// The open message without blanks around it.
    public var message: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let text = content.span
            var (start, end) = (0, text.count)
            while start < end, text[start].isBlank { start += 1 }
            while end > start, text[end - 1].isBlank { end -= 1 }
            return text.extracting(start..<end)
        }
    }

    /// Whether the open message ends before `line`, which has no line feed. Asked once for each line: it notes what the line
    /// announces.
    public mutating func isEnded(by line: Span<UInt8>) -> Bool {
        lineHasClock = nil
        guard !line.isEmpty, beginsMessage(line) else { return false }
        return isOpen
    }

    /// Adds a line. Nothing is kept of an empty one that would be the first.
    public mutating func append(_ line: Span<UInt8>, from origin: LineOrigin) {
        if !line.isEmpty || isOpen { keep(line, origin) }
        lineHasClock = nil
    }

    /// Forgets the message before the line that ended it.
    public mutating func clear() {
        let keeps = isTraceback
        end()
        isTraceback = keeps
    }

    /// Forgets the message after a time without lines, such as a second.
    public mutating func end() {
        content.removeAll(keepingCapacity: true)
        (size, lines) = (0, 0)
        (hasClock, isTraceback, expectsTraceback) = (false, false, false)
    }

    /// Gives memory back that a long message took. Nothing may be open.
    mutating func trim() {
        if content.isEmpty, content.capacity > 4096 { content = [] }
    }

    private mutating func keep(_ line: Span<UInt8>, _ origin: LineOrigin) {
        let room = Self.limit - size
        guard room > 0 else {
            cutBytes &+= UInt64(line.count + 1)
            return
        }
        if lines == 0 {
            self.origin = origin
            hasClock = lineHasClock ?? ClockText.isIn(line)
            level = LevelGuess.level(of: line)
            if level == .unknown { level = origin.level }
        } else {
            content.append(UInt8(ascii: "\n"))
        }
        let before = content.count
        if UTF8Text.isASCII(line) || UTF8Text.isValid(line) {
            let length = line.length(cutAt: room)
            line.extracting(0..<length).withUnsafeBufferPointer { content.append(contentsOf: $0) }
            if length < line.count { cutBytes &+= UInt64(line.count - length) }
        } else {
            repairedLines &+= 1
            // Before the repair, which makes text longer: memory is bounded by the line's length.
            UTF8Text.appendRepaired(line.extracting(0..<min(line.count, room)), to: &content)
            let length = content.span.extracting(before..<content.count).length(cutAt: room)
            cutBytes &+= UInt64(max(0, line.count - length))
            content.removeLast(content.count - before - length)
        }
        lines += 1
        size += content.count - before + 1
    }

    private mutating func beginsMessage(_ line: Span<UInt8>) -> Bool {
        switch line[0] {
        case UInt8(ascii: "\t"): return false
        case UInt8(ascii: " ") where line.count > 1 && line[1] == UInt8(ascii: " "): return false
        case UInt8(ascii: "}") where line.count == 1: return false
        default: break
        }
        if hasClock {
            let isIn = ClockText.isIn(line)
            lineHasClock = isIn
            return isIn
        }
        switch line[0] {
        case UInt8(ascii: "C") where line.starts(with: "Caused by: "): return false
        case UInt8(ascii: "f") where line.starts(with: "for call at"): return false
        case UInt8(ascii: "T") where line.starts(with: "Traceback "):
            isTraceback = true
            if expectsTraceback {
                expectsTraceback = false
                return false
            }
            return isOpen
        case UInt8(ascii: "T")
        where line.equals("The above exception was the direct cause of the following exception:"),
            UInt8(ascii: "D") where line.equals("During handling of the above exception, another exception occurred:"):
            expectsTraceback = true
            return false
        default: break
        }
        if isTraceback {
            isTraceback = false
            return false
        }
        return true
    }
}
