/// The words of a message that stay the same when its values change.
///
/// Quoted text and whatever stands in brackets is left out, then words with hexadecimal numbers or UUIDs, and digits; a
/// word begins and ends with a letter and has nothing but letters, dots, hyphens and underscores. The rules are those of
/// coroot-node-agent, so that the pattern's hash is the same. Memory is that of the longest message seen.
public struct PatternWords: ~Copyable {
    private static let mostWords = 100

    /// The words, separated by one blank, in the first `length` bytes; behind them the word that is being read.
    private var bytes = [UInt8](repeating: 0, count: 512)
    private var length = 0
    /// Where each word ends.
    private var ends: [Int32] = []

    public init() { ends.reserveCapacity(Self.mostWords) }

    public var text: Span<UInt8> {
        @_lifetime(borrow self)
        get { bytes.span.extracting(0..<length) }
    }

    var wordEnds: Span<Int32> {
        @_lifetime(borrow self)
        get { ends.span }
    }

    /// Reads the words of `message`.
    public mutating func read(_ message: Span<UInt8>) {
        ends.removeAll(keepingCapacity: true)
        // No word is longer than the message, and each is followed by a blank.
        if bytes.count <= message.count { bytes = [UInt8](repeating: 0, count: message.count + message.count / 2 + 1) }
        // Out of this value while the words go into it: the list of their ends is written meanwhile.
        var buffer: [UInt8] = []
        swap(&buffer, &bytes)
        defer { swap(&buffer, &bytes) }
        var target = buffer.mutableSpan
        var word = Word()
        var index = 0
        // Windows of 64 bytes, each from where a word begins, or a blank.
        while index < message.count, ends.count < Self.mostWords {
            let length = min(64, message.count - index)
            let marks = message.wordMarks(from: index, length)
            let isLast = index + length == message.count
            // The message's end ends everything.
            let blanks = marks.blanks | (isLast && length < 64 ? ~0 << UInt64(length) : 0)
            var starts = ~blanks & (blanks << 1 | 1)
            var next = length
            while starts != 0 {
                let start = starts.trailingZeroBitCount
                let end = start + (blanks >> UInt64(start)).trailingZeroBitCount
                // Its end is in this window, and nothing in it but plain ASCII?
                guard end < 64, marks.others == 0 || marks.others.trailingZeroBitCount >= end else {
                    next = start
                    // A window begins with the word, or it is a long one.
                    if end < 64 || start == 0 {
                        next = readSlowly(message, from: index + start, &word, &target) - index
                    }
                    break
                }
                if let end = word.take(message, at: index, start..<end, marks, to: &target) {
                    ends.append(Int32(end))
                    if ends.count == Self.mostWords { break }
                }
                starts &= starts &- 1
            }
            index += next
        }
        length = ends.last.map(Int.init) ?? 0
    }

    /// Reads byte by byte from `start` on, where a word begins, to the end of the first word outside of quotes and brackets. Returns
    /// where that is.
    @inline(never)
    private mutating func readSlowly(
        _ message: Span<UInt8>, from start: Int, _ word: inout Word, _ target: inout MutableSpan<UInt8>
    ) -> Int {
        var quote: UInt8 = 0
        var nesting = BracketStack()
        let table = WordClasses.table
        let classes = table.span
        var index = start
        while index < message.count {
            if quote == 0, nesting.isEmpty {
                index = word.append(run: message, from: index, classes, to: &target)
            } else {
                while index < message.count, classes[Int(message[index])] != 0 { index += 1 }
            }
            guard index < message.count else { break }
            let byte = message[index]
            let blanks = Self.blankLength(message, index)
            let here = index
            index += max(blanks, 1)
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "{"):
                if quote == 0 { nesting.open(byte) }
            case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: "}"):
                if nesting.close(byte) { continue }
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if here == 0 || message[here - 1] != UInt8(ascii: "\\"), nesting.isEmpty {
                    if quote == 0 {
                        quote = byte
                    } else if quote == byte {
                        quote = 0
                        continue
                    }
                }
            default: break
            }
            if quote != 0 || !nesting.isEmpty { continue }
            guard blanks > 0 else {
                word.append(byte, to: &target)
                continue
            }
            if let end = word.finish(&target) { ends.append(Int32(end)) }
            return index
        }
        if let end = word.finish(&target) { ends.append(Int32(end)) }
        return index
    }

    /// The length of the white space character at `index`, 0 if there is none (Unicode's property White_Space).
    @inline(__always) private static func blankLength(_ text: Span<UInt8>, _ index: Int) -> Int {
        text[index] < 0x80 ? (text[index].isBlank ? 1 : 0) : wideBlankLength(text, index)
    }

    @inline(never) private static func wideBlankLength(_ text: Span<UInt8>, _ index: Int) -> Int {
        guard index + 1 < text.count else { return 0 }
        let second = text[index + 1]
        if text[index] == 0xC2 { return second == 0x85 || second == 0xA0 ? 2 : 0 }
        guard index + 2 < text.count else { return 0 }
        switch (text[index], second, text[index + 2]) {
        case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9), (0xE2, 0x80, 0xAF),
            (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
            return 3
        default: return 0
        }
    }
}
