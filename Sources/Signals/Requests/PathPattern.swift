/// A pattern of `--exclude-http-requests-by-path`: `*` stands for any bytes, slashes too, `?` for one, `[abc]`, `[a-z]` and
/// `[!a]` for one of a set, `{one,two}` for one of several texts, `\` takes the next byte as it is: what coroot-node-agent's
/// patterns mean (github.com/gobwas/glob, without separators). It has to fit the whole path, without the query.
public struct PathPattern: Sendable {
    /// A pattern is a row of states. What takes a byte goes on behind itself; the others go on without one, always forwards.
    private enum State: Sendable {
        case byte(UInt8)
        case any
        case set([ClosedRange<UInt8>], isNegated: Bool)
        /// Takes any byte and stays, or goes on.
        case star
        /// Goes on at each of these.
        case fork([Int])
    }

    /// Longest pattern, in bytes.
    public static let maximumLength = 1024
    /// Choices inside choices, at most.
    private static let maximumDepth = 8

    private let states: [State]

    /// Nil if the text is no pattern: a bracket or brace that is not closed, or too long.
    public init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        var states: [State] = []
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength, Self.parse(&bytes, depth: 0, &states), bytes.isEmpty
        else { return nil }
        self.states = states
    }

    /// Whether the path of a request target fits: for each byte, the states that it may be in are walked through once.
    public func matches(_ target: UnsafeRawBufferPointer) -> Bool {
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        let words = states.count / 64 + 1
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * words) { memory in
            memory.initialize(repeating: 0)
            var current = StateSet(words: UnsafeMutableBufferPointer(rebasing: memory[..<words]))
            var next = StateSet(words: UnsafeMutableBufferPointer(rebasing: memory[words...]))
            current.insert(0)
            for byte in target[..<end] {
                step(&current, byte, &next)
                swap(&current, &next)
                if current.isEmpty { return false }
                next.removeAll()
            }
            step(&current, nil, &next)
            return current.next(from: states.count) != nil
        }
    }

    /// From each state to where the byte leads; without one, to where no byte is needed.
    private func step(_ current: inout StateSet, _ byte: UInt8?, _ next: inout StateSet) {
        var from = 0
        while let index = current.next(from: from), index < states.count {
            from = index + 1
            switch states[index] {
            case .byte(let wanted): if byte == wanted { next.insert(index + 1) }
            case .any: if byte != nil { next.insert(index + 1) }
            case .set(let ranges, let isNegated):
                if let byte, ranges.contains(where: { $0.contains(byte) }) != isNegated { next.insert(index + 1) }
            case .star:
                if byte != nil { next.insert(index) }
                current.insert(index + 1)
            case .fork(let targets): for target in targets { current.insert(target) }
            }
        }
    }

    /// Numbers of states, as bits in memory that is lent for one match.
    private struct StateSet {
        let words: UnsafeMutableBufferPointer<UInt64>

        var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

        mutating func insert(_ index: Int) { words[index / 64] |= 1 << UInt64(index % 64) }

        mutating func removeAll() { words.update(repeating: 0) }

        /// The first one that is not less than `index`.
        func next(from index: Int) -> Int? {
            var word = index / 64
            guard word < words.count else { return nil }
            var bits = words[word] & (~0 << UInt64(index % 64))
            while bits == 0 {
                word += 1
                guard word < words.count else { return nil }
                bits = words[word]
            }
            return word * 64 + bits.trailingZeroBitCount
        }
    }

    /// Reads up to the end or, inside a choice, up to a comma or brace, which stays.
    private static func parse(_ text: inout ArraySlice<UInt8>, depth: Int, _ states: inout [State]) -> Bool {
        while let byte = text.first {
            if depth > 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { return true }
            text.removeFirst()
            switch byte {
            case UInt8(ascii: "*"): states.append(.star)
            case UInt8(ascii: "?"): states.append(.any)
            case UInt8(ascii: "\\"):
                guard let next = text.popFirst() else { return false }
                states.append(.byte(next))
            case UInt8(ascii: "["):
                guard let set = parseSet(&text) else { return false }
                states.append(set)
            case UInt8(ascii: "{"):
                guard depth < maximumDepth, parseChoice(&text, depth: depth, &states) else { return false }
            default: states.append(.byte(byte))
            }
        }
        return depth == 0
    }

    /// A fork to all texts; each of them ends with a fork to what comes behind the choice.
    private static func parseChoice(_ text: inout ArraySlice<UInt8>, depth: Int, _ states: inout [State]) -> Bool {
        let fork = states.count
        states.append(.fork([]))
        var (starts, ends) = ([Int](), [Int]())
        var end: UInt8?
        repeat {
            starts.append(states.count)
            guard parse(&text, depth: depth + 1, &states) else { return false }
            ends.append(states.count)
            states.append(.fork([]))
            end = text.popFirst()
        } while end == UInt8(ascii: ",")
        guard end == UInt8(ascii: "}") else { return false }
        states[fork] = .fork(starts)
        for index in ends { states[index] = .fork([states.count]) }
        return true
    }

    private static func parseSet(_ text: inout ArraySlice<UInt8>) -> State? {
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
