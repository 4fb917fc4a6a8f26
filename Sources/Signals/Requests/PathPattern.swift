/// A pattern of `--exclude-http-requests-by-path`: `*` stands for any bytes, slashes too, `?` for one, `[abc]`, `[a-z]` and
/// `[!a]` for one of a set, `{one,two}` for one of several texts, `\` takes the next byte as it is: what coroot-node-agent's
/// patterns mean (github.com/gobwas/glob, without separators). It has to fit the whole path, without the query.
public struct PathPattern: Sendable {
    private indirect enum Part: Sendable {
        case byte(UInt8)
        case any
        case star
        case set([ClosedRange<UInt8>], isNegated: Bool)
        case choice([[Part]])
    }

    /// Longest pattern, in bytes.
    public static let maximumLength = 1024
    /// Choices inside choices, at most.
    private static let maximumDepth = 8
    /// Comparisons for one path, at most: a pattern with many stars fits no path that takes more.
    private static let maximumSteps = 100_000

    private let parts: [Part]

    /// Nil if the text is no pattern: a bracket or brace that is not closed, or too long.
    public init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength, let parts = Self.parse(&bytes, depth: 0), bytes.isEmpty
        else { return nil }
        self.parts = parts
    }

    /// Whether the path of a request target fits.
    public func matches(_ target: UnsafeRawBufferPointer) -> Bool {
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        var steps = 0
        return Self.fits(parts[...], UnsafeRawBufferPointer(rebasing: target[..<end]), 0, &steps) { $0 == end }
    }

    /// Whether `parts` fit from `position` on and `rest` accepts where they end.
    private static func fits(
        _ parts: ArraySlice<Part>, _ path: UnsafeRawBufferPointer, _ position: Int, _ steps: inout Int,
        _ rest: (Int) -> Bool
    ) -> Bool {
        var position = position
        var parts = parts
        while let part = parts.popFirst() {
            steps += 1
            if steps > maximumSteps { return false }
            switch part {
            case .byte(let byte):
                guard position < path.count, path[position] == byte else { return false }
                position += 1
            case .any:
                guard position < path.count else { return false }
                position += 1
            case .set(let ranges, let isNegated):
                guard position < path.count, ranges.contains(where: { $0.contains(path[position]) }) != isNegated
                else { return false }
                position += 1
            case .star:
                if parts.isEmpty, rest(path.count) { return true }
                for end in position...path.count where fits(parts, path, end, &steps, rest) { return true }
                return false
            case .choice(let choices):
                for choice in choices where fits(choice + parts, path, position, &steps, rest) { return true }
                return false
            }
        }
        return rest(position)
    }

    private static func fits(
        _ parts: [Part], _ path: UnsafeRawBufferPointer, _ position: Int, _ steps: inout Int, _ rest: (Int) -> Bool
    ) -> Bool {
        fits(parts[...], path, position, &steps, rest)
    }

    /// Reads up to the end or, inside a choice, up to a comma or brace, which stays.
    private static func parse(_ text: inout ArraySlice<UInt8>, depth: Int) -> [Part]? {
        var parts: [Part] = []
        while let byte = text.first {
            if depth > 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { return parts }
            text.removeFirst()
            switch byte {
            case UInt8(ascii: "*"): parts.append(.star)
            case UInt8(ascii: "?"): parts.append(.any)
            case UInt8(ascii: "\\"):
                guard let next = text.popFirst() else { return nil }
                parts.append(.byte(next))
            case UInt8(ascii: "["):
                guard let set = parseSet(&text) else { return nil }
                parts.append(set)
            case UInt8(ascii: "{"):
                guard depth < maximumDepth else { return nil }
                var choices: [[Part]] = []
                var end: UInt8?
                repeat {
                    guard let choice = parse(&text, depth: depth + 1) else { return nil }
                    choices.append(choice)
                    end = text.popFirst()
                } while end == UInt8(ascii: ",")
                guard end == UInt8(ascii: "}") else { return nil }
                parts.append(.choice(choices))
            default: parts.append(.byte(byte))
            }
        }
        return depth == 0 ? parts : nil
    }

    private static func parseSet(_ text: inout ArraySlice<UInt8>) -> Part? {
        var ranges: [ClosedRange<UInt8>] = []
        let isNegated = text.first == UInt8(ascii: "!")
        if isNegated { text.removeFirst() }
        while let byte = text.popFirst() {
            if byte == UInt8(ascii: "]") { return ranges.isEmpty ? nil : .set(ranges, isNegated: isNegated) }
            if text.first == UInt8(ascii: "-"), let end = text.dropFirst().first, end != UInt8(ascii: "]") {
                guard byte <= end else { return nil }
                ranges.append(byte...end)
                text = text.dropFirst(2)
            } else {
                ranges.append(byte...byte)
            }
        }
        return nil
    }
}
