/// From the lines of one source to messages: unwraps lines, joins parts and lines, finds level, JSON and trace.
///
/// Lines of standard output and standard error are joined apart: a program writes them side by side. Memory: a message for
/// each stream and one for JSON, and at most `MessageJoiner.limit` bytes of a line in parts.
public struct LogReader: ~Copyable {
    /// A message on its way to those that count and export it. Nothing of it may be kept.
    public struct Message: ~Copyable, ~Escapable {
        public let body: Span<UInt8>
        public let level: LogLevel
        public let origin: LineOrigin

        @_lifetime(copy body)
        init(body: Span<UInt8>, level: LogLevel, origin: LineOrigin) {
            (self.body, self.level, self.origin) = (body, level, origin)
        }
    }

    /// Lines that were not in the source's format; they are given up.
    public private(set) var malformedLines: UInt64 = 0

    /// Lines that their source says are older, in nanoseconds since the Unix epoch, are passed over.
    public var notBefore: UInt64 = 0

    private let parsesJSON: Bool
    private let redactor: Redactor?
    private var decoder: LineDecoder
    private var json = JSONLog()
    private var outputs = Stream()
    private var errors = Stream()

    /// What belongs to one stream.
    private struct Stream: ~Copyable {
        var joiner = MessageJoiner()
        /// Parts of a line whose end is to come.
        var parts: [UInt8] = []
        /// That of the first of them.
        var origin = LineOrigin()
        /// Bytes of parts beyond the limit.
        var cutBytes: UInt64 = 0
        /// `readAt` of the last line or part.
        var lastRead: UInt64 = 0

        /// Where what waits here begins.
        var oldest: UInt64? {
            var oldest = joiner.isOpen ? joiner.origin.position : UInt64.max
            if !parts.isEmpty { oldest = min(oldest, origin.position) }
            return oldest == .max ? nil : oldest
        }
    }

    /// - Parameter redactor: takes secrets out of bodies and attributes; shared by the readers of one thread.
    public init(_ format: LogFormat, parsesJSON: Bool = true, redactor: Redactor? = nil) {
        self.parsesJSON = parsesJSON
        self.redactor = redactor
        decoder = LineDecoder(format)
    }

    /// Bytes beyond the limits of a message.
    public var cutBytes: UInt64 {
        outputs.joiner.cutBytes + errors.joiner.cutBytes + outputs.cutBytes + errors.cutBytes
    }

    /// Lines that were no UTF-8.
    public var repairedLines: UInt64 { outputs.joiner.repairedLines + errors.joiner.repairedLines }

    /// Whether lines wait for others that belong to them.
    public var isOpen: Bool { outputs.joiner.isOpen || errors.joiner.isOpen }

    /// Where the oldest line begins that waits for others; nil if none does. What lies before it has been handed on.
    public var oldestPosition: UInt64? {
        guard let output = outputs.oldest else { return errors.oldest }
        return min(output, errors.oldest ?? output)
    }

    /// Takes one line of the source, without its line feed. A message that ends with it goes to `emit`, with its JSON, which has no
    /// attributes where it is none.
    /// - Parameters:
    ///   - position: where the line begins in its source.
    ///   - readAt: nanoseconds since the Unix epoch.
    @inline(__always)
    public mutating func add(
        _ line: Span<UInt8>, at position: UInt64 = 0, readAt: UInt64 = 0,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if decoder.format == .plain {
            var origin = LineOrigin()
            (origin.position, origin.readAt) = (position, readAt)
            outputs.lastRead = readAt
            return Self.join(line, origin, &outputs.joiner, &json, parsesJSON, redactor, emit)
        }
        switch decoder.read(line) {
        case .malformed: malformedLines &+= 1
        case .part(let origin) where origin.time < notBefore: break
        case .line(let origin) where origin.time < notBefore: break
        case .part(var origin):
            (origin.position, origin.readAt) = (position, readAt)
            if origin.stream == .stderr {
                Self.addPart(of: decoder, line, origin, &errors)
            } else {
                Self.addPart(of: decoder, line, origin, &outputs)
            }
        case .line(var origin):
            (origin.position, origin.readAt) = (position, readAt)
            if origin.stream == .stderr {
                Self.addLine(of: decoder, line, origin, &errors, &json, parsesJSON, redactor, emit)
            } else {
                Self.addLine(of: decoder, line, origin, &outputs, &json, parsesJSON, redactor, emit)
            }
        }
    }

    /// Takes a text whose source has said everything about it already, such as an entry of the journal.
    public mutating func add(
        text: Span<UInt8>, from origin: LineOrigin, isPart: Bool = false,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        switch (isPart, origin.stream) {
        case (true, .stderr): Self.addPart(text, origin, &errors)
        case (true, _): Self.addPart(text, origin, &outputs)
        case (false, .stderr): Self.addLine(text, origin, &errors, &json, parsesJSON, redactor, emit)
        case (false, _): Self.addLine(text, origin, &outputs, &json, parsesJSON, redactor, emit)
        }
    }

    /// Ends what is open, as after a second without a line.
    public mutating func flush(_ emit: (borrowing Message, borrowing JSONLog) -> Void) {
        flush(before: .max, emit)
    }

    /// Ends what is open in a stream whose last line was read before `time`, or after `now`, since somebody set the clock back
    /// (nanoseconds since the Unix epoch). Parts of a line stay.
    public mutating func flush(
        before time: UInt64, now: UInt64 = .max, _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if outputs.lastRead < time || outputs.lastRead > now { Self.flush(&outputs, &json, parsesJSON, redactor, emit) }
        if errors.lastRead < time || errors.lastRead > now { Self.flush(&errors, &json, parsesJSON, redactor, emit) }
    }

    /// Makes a line of parts whose end never came: their source has ended.
    public mutating func endParts(_ emit: (borrowing Message, borrowing JSONLog) -> Void) {
        Self.endParts(&outputs, &json, parsesJSON, redactor, emit)
        Self.endParts(&errors, &json, parsesJSON, redactor, emit)
    }

    /// Gives memory back that long messages took. Nothing may be open.
    public mutating func trim() {
        if isOpen || oldestPosition != nil { return }
        json = JSONLog()
        decoder.trim()
        outputs.joiner.trim()
        errors.joiner.trim()
    }

    private static func endParts(
        _ stream: inout Stream, _ json: inout JSONLog, _ parsesJSON: Bool, _ redactor: Redactor?,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if stream.parts.isEmpty { return }
        let whole = stream.parts
        stream.parts = []
        join(whole.span, stream.origin, &stream.joiner, &json, parsesJSON, redactor, emit)
    }

    // A span of one part of this value and another part to change are not passed along together: hence two of each.

    private static func addPart(
        of decoder: borrowing LineDecoder, _ line: Span<UInt8>, _ origin: LineOrigin, _ stream: inout Stream
    ) {
        addPart(decoder.text(of: line), origin, &stream)
    }

    @inline(__always)
    private static func addLine(
        of decoder: borrowing LineDecoder, _ line: Span<UInt8>, _ origin: LineOrigin, _ stream: inout Stream,
        _ json: inout JSONLog, _ parsesJSON: Bool, _ redactor: Redactor?,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        addLine(decoder.text(of: line), origin, &stream, &json, parsesJSON, redactor, emit)
    }

    private static func addPart(_ text: Span<UInt8>, _ origin: LineOrigin, _ stream: inout Stream) {
        stream.lastRead = origin.readAt
        if stream.parts.isEmpty { stream.origin = origin }
        let room = max(0, MessageJoiner.limit - stream.parts.count)
        let length = text.length(cutAt: room)
        text.extracting(0..<length).withUnsafeBufferPointer { stream.parts.append(contentsOf: $0) }
        stream.cutBytes &+= UInt64(text.count - length)
    }

    @inline(__always)
    private static func addLine(
        _ text: Span<UInt8>, _ origin: LineOrigin, _ stream: inout Stream, _ json: inout JSONLog,
        _ parsesJSON: Bool, _ redactor: Redactor?, _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        guard stream.parts.isEmpty else {
            addPart(text, origin, &stream)
            return endParts(&stream, &json, parsesJSON, redactor, emit)
        }
        stream.lastRead = origin.readAt
        join(text, origin, &stream.joiner, &json, parsesJSON, redactor, emit)
    }

    @inline(__always)
    private static func join(
        _ text: Span<UInt8>, _ origin: LineOrigin, _ joiner: inout MessageJoiner, _ json: inout JSONLog,
        _ parsesJSON: Bool, _ redactor: Redactor?, _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if joiner.isEnded(by: text) {
            finish(joiner, &json, parsesJSON, redactor, emit)
            joiner.clear()
        }
        joiner.append(text, from: origin)
    }

    private static func flush(
        _ stream: inout Stream, _ json: inout JSONLog, _ parsesJSON: Bool, _ redactor: Redactor?,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if stream.joiner.isOpen { finish(stream.joiner, &json, parsesJSON, redactor, emit) }
        stream.joiner.end()
    }

    @inline(__always)
    private static func finish(
        _ joiner: borrowing MessageJoiner, _ json: inout JSONLog, _ parsesJSON: Bool, _ redactor: Redactor?,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        let text = joiner.message
        if parsesJSON, !text.isEmpty, text[0] == UInt8(ascii: "{"), json.read(text) {
            if let redactor { json.redact(with: redactor) }
            let level = json.level == .unknown ? joiner.level : json.level
            if json.message.isEmpty {
                hand(text, level, joiner.origin, json, redactor, emit)
            } else {
                hand(json.message, level, joiner.origin, json, redactor, emit)
            }
            return
        }
        json.clear()
        hand(text, joiner.level, joiner.origin, json, redactor, emit)
    }

    @inline(__always)
    private static func hand(
        _ body: Span<UInt8>, _ level: LogLevel, _ origin: LineOrigin, _ json: borrowing JSONLog, _ redactor: Redactor?,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if let redactor, redactor.redact(body) {
            // Kept while it is shown; the redactor has it alone again then.
            let text = redactor.text
            emit(Message(body: text.span, level: level, origin: origin), json)
        } else {
            emit(Message(body: body, level: level, origin: origin), json)
        }
    }
}
