/// Reads a message that is one JSON object: its level, its text, its trace, and what remains as attributes.
///
/// The rules are those of coroot-node-agent; where the order of its answer is by chance, here it is that of the text.
/// Bounds: 256 members, `mostAttributes` attributes, values of `longestValue` bytes, objects flattened `deepestObject` deep
/// (deeper ones and arrays are kept as JSON text), nesting as `JSONCursor`. A message beyond the nesting or the number of
/// members is not taken for JSON. Memory: that of the longest message.
public struct JSONLog: ~Copyable {
    public static let mostAttributes = 100
    public static let longestValue = 4096
    public static let deepestObject = 8
    private static let mostMembers = 256

    private struct Member {
        /// In `names`.
        var key: Range<Int>
        var kind: JSONCursor.Kind
        /// In the text.
        var value: Range<Int>
    }

    private struct Attribute {
        /// In `bytes`.
        var key: Range<Int>
        var value: Range<Int>
    }

    /// `unknown` where the object does not say.
    public private(set) var level = LogLevel.unknown
    /// Nil where no valid one was found; never all zeros.
    public private(set) var traceID: TraceID?
    public private(set) var spanID: SpanID?

    private var members: [Member] = []
    private var names: [UInt8] = []
    private var attributes: [Attribute] = []
    private var bytes: [UInt8] = []
    private var path: [UInt8] = []
    private var messageRange = 0..<0

    public init() {}

    /// The object's message without the line feed at its end; empty where it has none.
    public var message: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(messageRange) }
    }

    public var attributeCount: Int { attributes.count }

    @_lifetime(borrow self)
    public func attributeKey(_ index: Int) -> Span<UInt8> { bytes.span.extracting(attributes[index].key) }

    @_lifetime(borrow self)
    public func attributeValue(_ index: Int) -> Span<UInt8> { bytes.span.extracting(attributes[index].value) }

    /// Reads `text`, which is valid UTF-8. False, with nothing kept, if it is not one object with members.
    public mutating func read(_ text: Span<UInt8>) -> Bool {
        clear()
        guard text.count >= 2, text[0] == UInt8(ascii: "{"), text[text.count - 1] == UInt8(ascii: "}"),
            readMembers(text)
        else {
            clear()
            return false
        }
        classify(text)
        return true
    }

    /// Forgets what was read.
    @inline(__always)
    public mutating func clear() {
        // Most messages are no JSON; of one that is, members come before everything else.
        if !members.isEmpty || !names.isEmpty { forget() }
    }

    @inline(never)
    private mutating func forget() {
        level = .unknown
        (traceID, spanID) = (nil, nil)
        members.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        attributes.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        messageRange = 0..<0
    }

    /// Takes secrets out of the attributes' values. The message is redacted on its way out, as any other.
    mutating func redact(with redactor: Redactor) {
        for index in attributes.indices {
            let attribute = attributes[index]
            guard Self.redact(bytes.span, attribute, redactor) else { continue }
            let start = bytes.count
            bytes.append(contentsOf: redactor.text)
            attributes[index].value = start..<bytes.count
        }
    }

    private static func redact(_ bytes: Span<UInt8>, _ attribute: Attribute, _ redactor: Redactor) -> Bool {
        redactor.redact(bytes.extracting(attribute.value), named: bytes.extracting(attribute.key))
    }

    /// The members of the outermost object; of two with one name the later counts.
    private mutating func readMembers(_ text: Span<UInt8>) -> Bool {
        var cursor = JSONCursor(at: 1)
        repeat {
            cursor.skipBlanks(text)
            guard let key = cursor.string(text), cursor.take(UInt8(ascii: ":"), text),
                let value = cursor.value(text)
            else { return false }
            let start = names.count
            JSONCursor.unescape(key, of: text, to: &names)
            let name = start..<names.count
            if let known = members.firstIndex(where: { isSame($0.key, name) }) {
                members[known].kind = value.kind
                members[known].value = value.range
                names.removeLast(name.count)
            } else {
                guard members.count < Self.mostMembers else { return false }
                members.append(Member(key: name, kind: value.kind, value: value.range))
            }
        } while cursor.take(UInt8(ascii: ","), text)
        return cursor.take(UInt8(ascii: "}"), text) && cursor.position == text.count
    }

    private func isSame(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        guard a.count == b.count else { return false }
        for offset in 0..<a.count where names[a.lowerBound + offset] != names[b.lowerBound + offset] { return false }
        return true
    }

    /// Finds level and message, and makes attributes of all other members.
    private mutating func classify(_ text: Span<UInt8>) {
        var message: (index: Int, rank: Int)?
        var level: (index: Int, rank: Int)?
        for (index, member) in members.enumerated() {
            let name = names.span.extracting(member.key)
            if let rank = JSONLogKey.messageRank(name) {
                if member.kind == .string, isBefore(index, rank, message) { message = (index, rank) }
            } else if let rank = JSONLogKey.levelRank(name) {
                if self.levelOf(member, text) != .unknown, isBefore(index, rank, level) { level = (index, rank) }
            }
        }
        if let level { self.level = levelOf(members[level.index], text) }
        if let message {
            JSONCursor.unescape(members[message.index].value, of: text, to: &bytes)
            let end = bytes.last == UInt8(ascii: "\n") ? bytes.count - 1 : bytes.count
            messageRange = 0..<end
        }
        for (index, member) in members.enumerated() where index != message?.index && index != level?.index {
            if JSONLogKey.isTime(names.span.extracting(member.key)), isTime(member, text) { continue }
            path.removeAll(keepingCapacity: true)
            path.append(contentsOf: names[member.key])
            flatten(text, member.kind, member.value, depth: Self.deepestObject)
        }
    }

    /// Of two candidates the one with the better rank wins, then the one whose name is less, bytewise.
    private func isBefore(_ index: Int, _ rank: Int, _ other: (index: Int, rank: Int)?) -> Bool {
        guard let other else { return true }
        if rank != other.rank { return rank < other.rank }
        return names[members[index].key].lexicographicallyPrecedes(names[members[other.index].key])
    }

    private func levelOf(_ member: Member, _ text: Span<UInt8>) -> LogLevel {
        let value = text.extracting(member.value)
        return switch member.kind {
        case .string: JSONLogKey.level(word: value)
        case .number: JSONLogKey.level(number: value)
        default: .unknown
        }
    }

    /// A string, a number, or MongoDB's object of one member `$date`.
    private func isTime(_ member: Member, _ text: Span<UInt8>) -> Bool {
        switch member.kind {
        case .string, .number: return true
        case .object:
            var cursor = JSONCursor(at: member.value.lowerBound + 1)
            cursor.skipBlanks(text)
            guard let key = cursor.string(text), text.extracting(key).equals("$date") else { return false }
            guard cursor.take(UInt8(ascii: ":"), text), cursor.value(text) != nil else { return false }
            return cursor.take(UInt8(ascii: "}"), text)
        default: return false
        }
    }

    /// Adds the value under the name in `path`; `depth` more levels of objects become names with dots. The recursion is bounded
    /// by it.
    private mutating func flatten(_ text: Span<UInt8>, _ kind: JSONCursor.Kind, _ value: Range<Int>, depth: Int) {
        guard attributes.count < Self.mostAttributes else { return }
        guard kind == .object, depth > 0 else { return add(text, kind, value) }
        var cursor = JSONCursor(at: value.lowerBound + 1)
        let length = path.count
        repeat {
            cursor.skipBlanks(text)
            // It was checked as a whole; an empty object has no key.
            guard let key = cursor.string(text), cursor.take(UInt8(ascii: ":"), text), let inner = cursor.value(text)
            else { return }
            path.append(UInt8(ascii: "."))
            JSONCursor.unescape(key, of: text, to: &path)
            flatten(text, inner.kind, inner.range, depth: depth - 1)
            path.removeLast(path.count - length)
        } while cursor.take(UInt8(ascii: ","), text)
    }

    private mutating func add(_ text: Span<UInt8>, _ kind: JSONCursor.Kind, _ value: Range<Int>) {
        let start = bytes.count
        switch kind {
        case .string:
            JSONCursor.unescape(value, of: text, to: &bytes)
            if takeTrace(start) {
                bytes.removeLast(bytes.count - start)
                return
            }
        case .literal where text[value.lowerBound] == UInt8(ascii: "n"): break
        case .number, .literal:
            text.extracting(value).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        case .object, .array: appendCompact(text.extracting(value))
        }
        let written = bytes.count - start
        let length = bytes.span.extracting(start..<bytes.count).length(cutAt: Self.longestValue)
        bytes.removeLast(written - length)
        let key = bytes.count..<bytes.count + path.count
        bytes.append(contentsOf: path)
        attributes.append(Attribute(key: key, value: start..<start + length))
    }

    /// Takes the value from `start` on as the trace or the span, if the name in `path` says so and none was found before.
    private mutating func takeTrace(_ start: Int) -> Bool {
        switch JSONLogKey.correlation(path.span) {
        case .trace where traceID == nil:
            traceID = TraceID(hexadecimal: bytes.span.extracting(start..<bytes.count))
            return traceID != nil
        case .span where spanID == nil:
            spanID = SpanID(hexadecimal: bytes.span.extracting(start..<bytes.count))
            return spanID != nil
        default: return false
        }
    }

    /// JSON text without blanks between its parts, little more than the longest value.
    private mutating func appendCompact(_ text: Span<UInt8>) {
        let limit = bytes.count + Self.longestValue + 4
        var isInString = false
        var index = 0
        while index < text.count, bytes.count < limit {
            let byte = text[index]
            if isInString {
                bytes.append(byte)
                if byte == UInt8(ascii: "\\"), index + 1 < text.count {
                    index += 1
                    bytes.append(text[index])
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if !byte.isBlank {
                bytes.append(byte)
                isInString = byte == UInt8(ascii: "\"")
            }
            index += 1
        }
    }
}
