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

    private let parsesJSON: Bool
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
    }

    public init(_ format: LogFormat, parsesJSON: Bool = true) {
        self.parsesJSON = parsesJSON
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

    /// Takes one line of the source, without its line feed. A message that ends with it goes to `emit`, with its JSON, which has no
    /// attributes where it is none.
    @inline(__always)
    public mutating func add(_ line: Span<UInt8>, _ emit: (borrowing Message, borrowing JSONLog) -> Void) {
        if decoder.format == .plain {
            return Self.join(line, LineOrigin(), &outputs.joiner, &json, parsesJSON, emit)
        }
        switch decoder.read(line) {
        case .malformed: malformedLines &+= 1
        case .part(let origin):
            if origin.stream == .stderr {
                Self.addPart(decoder, origin, &errors)
            } else {
                Self.addPart(decoder, origin, &outputs)
            }
        case .line(let origin):
            if origin.stream == .stderr {
                Self.addLine(decoder, origin, &errors, &json, parsesJSON, emit)
            } else {
                Self.addLine(decoder, origin, &outputs, &json, parsesJSON, emit)
            }
        }
    }

    /// Ends what is open, as after a second without a line.
    public mutating func flush(_ emit: (borrowing Message, borrowing JSONLog) -> Void) {
        Self.flush(&outputs, &json, parsesJSON, emit)
        Self.flush(&errors, &json, parsesJSON, emit)
    }

    private static func addPart(_ decoder: borrowing LineDecoder, _ origin: LineOrigin, _ stream: inout Stream) {
        let text = decoder.text
        if stream.parts.isEmpty { stream.origin = origin }
        let room = max(0, MessageJoiner.limit - stream.parts.count)
        let length = text.length(cutAt: room)
        text.extracting(0..<length).withUnsafeBufferPointer { stream.parts.append(contentsOf: $0) }
        stream.cutBytes &+= UInt64(text.count - length)
    }

    @inline(__always)
    private static func addLine(
        _ decoder: borrowing LineDecoder, _ origin: LineOrigin, _ stream: inout Stream, _ json: inout JSONLog,
        _ parsesJSON: Bool, _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        guard stream.parts.isEmpty else {
            addPart(decoder, origin, &stream)
            let whole = stream.parts
            stream.parts = []
            join(whole.span, stream.origin, &stream.joiner, &json, parsesJSON, emit)
            return
        }
        join(decoder.text, origin, &stream.joiner, &json, parsesJSON, emit)
    }

    @inline(__always)
    private static func join(
        _ text: Span<UInt8>, _ origin: LineOrigin, _ joiner: inout MessageJoiner, _ json: inout JSONLog,
        _ parsesJSON: Bool, _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if joiner.isEnded(by: text) {
            finish(joiner, &json, parsesJSON, emit)
            joiner.clear()
        }
        joiner.append(text, from: origin)
    }

    private static func flush(
        _ stream: inout Stream, _ json: inout JSONLog, _ parsesJSON: Bool,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        if stream.joiner.isOpen { finish(stream.joiner, &json, parsesJSON, emit) }
        stream.joiner.end()
    }

    @inline(__always)
    private static func finish(
        _ joiner: borrowing MessageJoiner, _ json: inout JSONLog, _ parsesJSON: Bool,
        _ emit: (borrowing Message, borrowing JSONLog) -> Void
    ) {
        let text = joiner.message
        if parsesJSON, !text.isEmpty, text[0] == UInt8(ascii: "{"), json.read(text) {
            let level = json.level == .unknown ? joiner.level : json.level
            if json.message.isEmpty {
                emit(Message(body: text, level: level, origin: joiner.origin), json)
            } else {
                emit(Message(body: json.message, level: level, origin: joiner.origin), json)
            }
            return
        }
        json.clear()
        emit(Message(body: text, level: joiner.level, origin: joiner.origin), json)
    }
}
