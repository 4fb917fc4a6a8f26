import Host

/// The patterns of one container's messages, each with its count: what `container_log_messages_total` shows.
///
/// A message belongs to the pattern with the same words, or else to the oldest of its level that differs in one word at
/// most, or else begins one. The first message of a pattern is its sample. At most `limit` patterns are kept a level.
public struct PatternTable: ~Copyable {
    /// One pattern of one level.
    public struct Pattern: Sendable {
        public let level: LogLevel
        /// 32 hexadecimal digits (MD5 of the words); empty where the level has no patterns.
        public let hash: String
        /// The same, for exporters.
        public let name: PatternHash
        public let sample: String
        public fileprivate(set) var count: UInt64 = 0
        fileprivate let words: [UInt8]
        fileprivate let ends: [Int32]

        /// The words.
        public var text: String { String(decoding: words, as: UTF8.self) }
    }

    /// Stands for the patterns beyond the limit, and for messages that were not looked at for the rate limit.
    public static let unclassifiedHash = String(repeating: "0", count: 32)
    public static let sampledHash = String(repeating: "1", count: 32)
    private static let unclassifiedSample = "unclassified pattern (pattern limit reached)"
    private static let sampledSample = "event was sampled"

    /// Messages of variants that were compared once are found again by their hash.
    private static let mostVariants = 4096

    public private(set) var patterns: [Pattern] = []

    private let limit: Int
    private let sampleLength: Int
    /// From the hash of words and level to the pattern.
    private var known: [UInt64: Int] = [:]
    private var kept = InlineArray<6, Int>(repeating: 0)
    /// The place of the pattern without words, by level.
    private var plain = InlineArray<6, Int>(repeating: -1)
    private var unclassified = InlineArray<6, Int>(repeating: -1)
    private var sampled = InlineArray<6, Int>(repeating: -1)
    private var words = PatternWords()

    /// `limit` is the most patterns a level, `sampleLength` the longest sample in bytes.
    public init(limit: Int = 256, sampleLength: Int = 4096) {
        self.limit = max(0, limit)
        self.sampleLength = sampleLength
    }

    /// Counts a message and returns the place of its pattern in `patterns`.
    public mutating func count(_ message: Span<UInt8>, _ level: LogLevel) -> Int {
        let index = level.hasPatterns ? find(message, level) : plainPattern(level)
        patterns[index].count &+= 1
        return index
    }

    /// Counts a message whose words are not looked at.
    public mutating func countSampled(_ level: LogLevel) -> Int {
        let slot = Int(level.rawValue)
        if sampled[slot] < 0 { sampled[slot] = add(level, Self.sampledHash, Self.sampledSample) }
        patterns[sampled[slot]].count &+= 1
        return sampled[slot]
    }

    private mutating func plainPattern(_ level: LogLevel) -> Int {
        let slot = Int(level.rawValue)
        if plain[slot] < 0 { plain[slot] = add(level, "", "") }
        return plain[slot]
    }

    private mutating func find(_ message: Span<UInt8>, _ level: LogLevel) -> Int {
        words.read(message)
        let hash = Self.hash(words.text, level)
        if let index = known[hash], Self.differences(patterns[index], words) <= 1 { return index }
        let slot = Int(level.rawValue)
        var similar: Int?
        for index in patterns.indices where patterns[index].level == level && !patterns[index].isSpecial {
            let differences = Self.differences(patterns[index], words)
            if differences == 0 || (differences == 1 && similar == nil) { similar = index }
            if differences == 0 { break }
        }
        if let similar {
            remember(hash, similar)
            return similar
        }
        guard kept[slot] < limit else {
            if unclassified[slot] < 0 {
                unclassified[slot] = add(level, Self.unclassifiedHash, Self.unclassifiedSample)
            }
            return unclassified[slot]
        }
        kept[slot] += 1
        let text = words.text.withUnsafeBufferPointer { Array($0) }
        let sample = message.extracting(0..<message.length(cutAt: sampleLength))
        let ends = words.wordEnds.withUnsafeBufferPointer { Array($0) }
        let index = add(
            level, MD5.hexadecimal(text), sample.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) },
            words: text, ends: ends)
        remember(hash, index)
        return index
    }

    private mutating func add(
        _ level: LogLevel, _ hash: String, _ sample: String, words: [UInt8] = [], ends: [Int32] = []
    ) -> Int {
        patterns.append(
            Pattern(
                level: level, hash: hash, name: PatternHash(hash), sample: sample, words: words, ends: ends))
        return patterns.count - 1
    }

    private mutating func remember(_ hash: UInt64, _ index: Int) {
        if known.count >= Self.mostVariants { known.removeAll(keepingCapacity: true) }
        known[hash] = index
    }

    /// Multiplies and folds, eight bytes at a time. Others choose the words: it decides only where to look.
    private static func hash(_ text: Span<UInt8>, _ level: LogLevel) -> UInt64 {
        let bytes = text.bytes
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(level.rawValue) ^ UInt64(text.count) << 8
        func mix(_ value: UInt64) {
            let product = (hash ^ value).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            hash = product.high ^ product.low
        }
        var position = 0
        while position + 8 <= text.count {
            // Eight bytes are there, and any eight bytes are a number.
            mix(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
            position += 8
        }
        var rest: UInt64 = 0
        while position < text.count {
            rest = rest << 8 | UInt64(text[position])
            position += 1
        }
        mix(rest)
        return hash
    }

    /// How many words differ, counted to two; two as well where there are not as many.
    private static func differences(_ pattern: borrowing Pattern, _ words: borrowing PatternWords) -> Int {
        let text = words.text
        let ends = words.wordEnds
        guard pattern.ends.count == ends.count else { return 2 }
        // The words have no blanks, which separate them: the same text is of the same words.
        if pattern.words.span.equals(text) { return 0 }
        var differences = 0
        var (mine, theirs) = (0, 0)
        for word in ends.indices {
            let (myEnd, theirEnd) = (Int(pattern.ends[word]), Int(ends[word]))
            if !isEqual(pattern.words, mine..<myEnd, text, theirs..<theirEnd) {
                differences += 1
                if differences > 1 { return differences }
            }
            (mine, theirs) = (myEnd + 1, theirEnd + 1)
        }
        return differences
    }

    private static func isEqual(_ a: [UInt8], _ mine: Range<Int>, _ b: Span<UInt8>, _ theirs: Range<Int>) -> Bool {
        guard mine.count == theirs.count else { return false }
        for offset in 0..<mine.count where a[mine.lowerBound + offset] != b[theirs.lowerBound + offset] { return false }
        return true
    }
}

extension PatternTable.Pattern {
    /// Not made of words.
    fileprivate var isSpecial: Bool {
        hash == PatternTable.unclassifiedHash || hash == PatternTable.sampledHash
    }
}
