/// Takes a line out of what its source wrapped it in.
///
/// Sources: github.com/moby/moby, daemon/logger/jsonfilelog/jsonlog; kubernetes/design-proposals-archive,
/// node/kubelet-cri-logging.md; systemd.io/JOURNAL_EXPORT_FORMATS, "Journal JSON Format".
public struct LineDecoder: ~Copyable {
    /// What became of a line.
    public enum Result: Equatable {
        /// A whole line, or the last part of one.
        case line(LineOrigin)
        /// More of the same line follows.
        case part(LineOrigin)
        /// Not in the source's format.
        case malformed
    }

    let format: LogFormat
    /// Where the text stands in the line; nil where it is in `bytes`, since the line has it in another form.
    private var place: Range<Int>?
    private var bytes: [UInt8] = []
    private var second = RFC3339.Second()

    public init(_ format: LogFormat) { self.format = format }

    /// The text of `line`, the last one.
    @inline(__always)
    @_lifetime(borrow self, copy line)
    public func text(of line: Span<UInt8>) -> Span<UInt8> {
        if let place { return line.extracting(place) }
        return bytes.span
    }

    /// Gives memory back that a long line took.
    mutating func trim() {
        if bytes.capacity > 4096 { bytes = [] }
    }

    /// Reads `line`, which has no line feed.
    @inline(__always)
    public mutating func read(_ line: Span<UInt8>) -> Result {
        switch format {
        case .plain:
            place = 0..<line.count
            return .line(LineOrigin())
        case .cri: return cri(line)
        case .docker: return dockerLine(line) ?? object(line)
        case .journald: return object(line)
        case .dockerLocal: return entry(line)
        }
    }

    /// `2016-10-06T00:17:09.669794202Z stdout P text`. Tags are separated by colons; only the first matters.
    private mutating func cri(_ line: Span<UInt8>) -> Result {
        let blank = UInt8(ascii: " ")
        guard let first = Self.timeEnd(line),
            let time = RFC3339.nanoseconds(line.extracting(0..<first), &second)
        else { return .malformed }
        // The usual case: the stream, one letter, text.
        if line.count - first > 10, line[first + 9] == blank {
            var origin = LineOrigin(time: time)
            place = first + 10..<line.count
            switch line.word(at: first + 1) {
            case Self.word("stdout F"):
                origin.stream = .stdout
                return .line(origin)
            case Self.word("stderr F"):
                origin.stream = .stderr
                return .line(origin)
            default: break
            }
        }
        guard let second = line.firstIndex(of: blank, from: first + 1),
            let stream = LogStream(line.extracting(first + 1..<second)), second + 1 < line.count
        else { return .malformed }
        let third = line.firstIndex(of: blank, from: second + 1) ?? line.count
        let tag = line[second + 1]
        guard third > second + 1, third == second + 2 || line[second + 2] == UInt8(ascii: ":") else {
            return .malformed
        }
        place = min(third + 1, line.count)..<line.count
        let origin = LineOrigin(time: time, stream: stream)
        switch tag {
        case UInt8(ascii: "F"): return .line(origin)
        case UInt8(ascii: "P"): return .part(origin)
        default: return .malformed
        }
    }

    /// The first blank; most times have nine digits behind the second.
    @inline(__always) private static func timeEnd(_ line: Span<UInt8>) -> Int? {
        // With a blank before this one the line is malformed, as it is when that one ends the time: stream and tag have no `Z`.
        if line.count > 30, line[30] == UInt8(ascii: " "), line[29] == UInt8(ascii: "Z"), line[19] == UInt8(ascii: ".")
        {
            return 30
        }
        return line.firstIndex(of: UInt8(ascii: " "))
    }

    /// Eight bytes, the first one lowest.
    @inline(__always) private static func word(_ text: StaticString) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(text.utf8Start[index]) << UInt64(8 * index) }
        return word
    }

    /// `{"log":"text\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}`, as the daemon writes all lines without
    /// attributes; nil for any other line.
    @inline(__always)
    private mutating func dockerLine(_ line: Span<UInt8>) -> Result? {
        guard line.count >= 8, line.word(at: 0) == Self.word("{\"log\":\"") else { return nil }
        var position = line.firstIndexOfStringEnd(from: 8)
        var isWhole = true
        if line.count - position > 3, line[position] == UInt8(ascii: "\\"), line[position + 1] == UInt8(ascii: "n"),
            line[position + 2] == UInt8(ascii: "\"")
        {
            // The only escape is that of the line feed.
            place = 8..<position
            position += 3
        } else {
            guard let end = dockerText(line) else { return nil }
            position = end
            // Docker cuts long lines; the last part alone has a line feed.
            isWhole = bytes.last == UInt8(ascii: "\n")
            if isWhole { bytes.removeLast() }
        }
        // `,"stream":"stdout","time":"`
        guard line.count - position > 27, line.word(at: position) == Self.word(",\"stream"),
            line.word(at: position + 18) == Self.word(",\"time\":"), line[position + 26] == UInt8(ascii: "\"")
        else { return nil }
        var origin = LineOrigin()
        switch line.word(at: position + 10) {
        case Self.word("\"stdout\""): origin.stream = .stdout
        case Self.word("\"stderr\""): origin.stream = .stderr
        default: return nil
        }
        guard line[position + 8] == UInt8(ascii: "\""), line[position + 9] == UInt8(ascii: ":") else { return nil }
        position += 27
        let end = line.count - 2
        guard position < end, line[end] == UInt8(ascii: "\""), line[end + 1] == UInt8(ascii: "}"),
            let time = RFC3339.nanoseconds(line.extracting(position..<end), &second)
        else { return nil }
        origin.time = time
        return isWhole ? .line(origin) : .part(origin)
    }

    /// Takes a text with escapes, or without a line feed, out of the line; returns what follows its quote.
    @inline(never)
    private mutating func dockerText(_ line: Span<UInt8>) -> Int? {
        place = nil
        bytes.removeAll(keepingCapacity: true)
        var cursor = JSONCursor(at: 7)
        return cursor.string(line, unescapedTo: &bytes) == nil ? nil : cursor.position
    }

    private mutating func dockerText(_ origin: LineOrigin) -> Result {
        // Docker cuts long lines; the last part alone has a line feed.
        guard bytes.last == UInt8(ascii: "\n") else { return .part(origin) }
        bytes.removeLast()
        return .line(origin)
    }

    private mutating func object(_ line: Span<UInt8>) -> Result {
        var cursor = JSONCursor()
        guard cursor.take(UInt8(ascii: "{"), line) else { return .malformed }
        var origin = LineOrigin()
        var text: Range<Int>?
        repeat {
            cursor.skipBlanks(line)
            guard let name = cursor.string(line), cursor.take(UInt8(ascii: ":"), line), let value = cursor.value(line)
            else { return .malformed }
            guard value.kind == .string else { continue }
            take(line.extracting(name), line, value.range, &origin, &text)
        } while cursor.take(UInt8(ascii: ","), line)
        guard cursor.take(UInt8(ascii: "}"), line), let text else { return .malformed }
        place = nil
        bytes.removeAll(keepingCapacity: true)
        JSONCursor.unescape(text, of: line, to: &bytes)
        return format == .docker ? dockerText(origin) : .line(origin)
    }

    /// LogEntry: source = 1, time_nano = 2, line = 3, partial = 4, partial_log_metadata = 5 { last = 1 }
    /// (github.com/moby/moby, api/types/plugins/logdriver/entry.proto).
    private mutating func entry(_ entry: Span<UInt8>) -> Result {
        place = nil
        bytes.removeAll(keepingCapacity: true)
        var origin = LineOrigin()
        var reader = ProtobufFields()
        var (isPart, isLast, hasText) = (false, false, false)
        while reader.position < entry.count {
            guard let field = reader.next(entry) else { return .malformed }
            switch field.number {
            case 1: origin.stream = LogStream(entry.extracting(field.range)) ?? .unknown
            case 2: origin.time = field.value
            case 3:
                entry.extracting(field.range).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
                hasText = true
            case 4: isPart = field.value != 0
            case 5:
                let metadata = entry.extracting(field.range)
                var inner = ProtobufFields()
                while inner.position < metadata.count {
                    guard let field = inner.next(metadata) else { return .malformed }
                    if field.number == 1 { isLast = field.value != 0 }
                }
            default: break
            }
        }
        // An entry without any member is nothing that the driver writes; an empty line has its time.
        guard hasText || origin.time != 0 else { return .malformed }
        return isPart && !isLast ? .part(origin) : .line(origin)
    }

    private mutating func take(
        _ name: Span<UInt8>, _ line: Span<UInt8>, _ value: Range<Int>, _ origin: inout LineOrigin,
        _ text: inout Range<Int>?
    ) {
        let content = line.extracting(value)
        switch format {
        case .docker:
            if name.equals("log") {
                text = value
            } else if name.equals("stream") {
                origin.stream = LogStream(content) ?? .unknown
            } else if name.equals("time") {
                origin.time = RFC3339.nanoseconds(content, &second) ?? 0
            }
        default:
            if name.equals("MESSAGE") {
                text = value
            } else if name.equals("PRIORITY"), content.count == 1, content[0].isDigit {
                origin.level = LogLevel(priority: content[0] &- UInt8(ascii: "0"))
            } else if name.equals("__REALTIME_TIMESTAMP") {
                origin.time = Self.microseconds(content) ?? 0
            }
        }
    }

    /// Nanoseconds of a decimal number of microseconds.
    private static func microseconds(_ text: Span<UInt8>) -> UInt64? {
        guard 1...16 ~= text.count else { return nil }
        var value: UInt64 = 0
        for index in text.indices {
            guard text[index].isDigit else { return nil }
            value = value * 10 + UInt64(text[index] &- UInt8(ascii: "0"))
        }
        return value * 1_000
    }
}
