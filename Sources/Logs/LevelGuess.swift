/// The level of a message of plain text, by the words that loggers write.
///
/// Only the first 255 bytes and seven fields count. The rules are those of coroot-node-agent, on whose results a server
/// depends: glog's prefix first, then a level's name in any part of a field, then Redis' signs.
public enum LevelGuess {
    private static let longest = 255
    private static let fields = 7

    public static func level(of line: Span<UInt8>) -> LogLevel {
        let end = min(line.count, longest)
        let line = line.extracting(0..<end)
        var start = 0
        var fields = 0
        var isInField = false
        // Windows of 64 bytes, each from where a part of a field begins or ends. A separator ends a part, a blank the field.
        while start < end {
            let length = min(64, end - start)
            let isLast = start + length == end
            let marks = line.levelMarks(from: start, length)
            // The line's end ends everything.
            let beyond: UInt64 = length == 64 ? 0 : ~0 << UInt64(length)
            let (ends, blanks) = (marks.ends | beyond, marks.blanks | beyond)
            var seen: UInt64 = ~0
            var next = length
            if !isLast {
                guard ends != 0 else {
                    // A part of 64 bytes and more.
                    if !isInField {
                        if fields == Self.fields { break }
                        fields += 1
                    }
                    var last = start + length
                    while last < end, !endsPart(line[last]) { last += 1 }
                    if let level = longWord(line, start, last) { return level }
                    (start, isInField) = (last, true)
                    continue
                }
                // What begins behind the last end is looked at with the next window.
                next = 64 - ends.leadingZeroBitCount
                if next < 64 { seen = 1 << UInt64(next) - 1 }
            }
            var begins = ~blanks & (blanks << 1 | (isInField ? 0 : 1)) & seen
            isInField = blanks >> UInt64(next - 1) & 1 == 0
            var isLastField = false
            while begins != 0 {
                if fields == Self.fields {
                    seen &= begins & (0 &- begins) &- 1
                    isLastField = true
                    break
                }
                if fields == 0, let level = glog(line, start + begins.trailingZeroBitCount, end) { return level }
                fields += 1
                begins &= begins &- 1
            }
            // Parts of three bytes and more; no level's name begins with a digit.
            var parts = ~ends & (ends << 1 | 1) & ~(ends >> 1) & ~(ends >> 2) & ~marks.digits & seen
            while parts != 0 {
                let first = parts.trailingZeroBitCount
                let size = (ends >> UInt64(first)).trailingZeroBitCount
                if let level = word(line, start + first, start + first + min(size, length - first)) { return level }
                parts &= parts &- 1
            }
            if isLastField { break }
            start += next
        }
        return redis(line, end)
    }

    /// A blank or one of `] ) ; | : , .`.
    private static func endsPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "|"), UInt8(ascii: ":"),
            UInt8(ascii: ","), UInt8(ascii: "."):
            true
        default: byte.isBlank
        }
    }

    @inline(__always) private static func isOpening(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "<"), UInt8(ascii: "'"): true
        default: false
        }
    }

    /// `I0102`: a letter and the month and day.
    @inline(__always) private static func glog(_ line: Span<UInt8>, _ start: Int, _ end: Int) -> LogLevel? {
        guard end - start >= 5, end - start == 5 || line[start + 5].isBlank else { return nil }
        for index in start + 1..<start + 5 where !line[index].isDigit { return nil }
        switch line[start] {
        case UInt8(ascii: "I"): return .info
        case UInt8(ascii: "W"): return .warning
        case UInt8(ascii: "E"): return .error
        case UInt8(ascii: "F"): return .critical
        default: return nil
        }
    }

    @inline(never) private static func longWord(_ line: Span<UInt8>, _ first: Int, _ end: Int) -> LogLevel? {
        word(line, first, end)
    }

    /// Whether the bytes from `start` to `end` are, or begin with, a level's name.
    @inline(__always) private static func word(_ line: Span<UInt8>, _ first: Int, _ end: Int) -> LogLevel? {
        guard end - first >= 3 else { return nil }
        var start = first
        while start < end, isOpening(line[start]) { start += 1 }
        var length = end - start
        guard length >= 3 else { return nil }
        // Few words begin with a letter that any level's name has.
        guard mayBegin(line[start] | 0x20) else { return nil }
        if length >= 6, lowered4(line, start) == key("leve"), line[start + 4] | 0x20 == UInt8(ascii: "l"),
            line[start + 5] == UInt8(ascii: "=")
        {
            start += 6
            length -= 6
            guard length >= 3 else { return nil }
        }
        if length == 3 {
            switch lowered3(line, start) {
            case key("dbg"), key("trc"): return .debug
            case key("inf"): return .info
            case key("wrn"): return .warning
            case key("err"): return .error
            case key("ftl"): return .critical
            default: return nil
            }
        }
        switch lowered4(line, start) {
        case key("debu"): return .debug
        case key("info"), key("noti"): return .info
        case key("warn"): return .warning
        case key("erro"): return .error
        case key("crit"): return .critical
        case key("emer"): return length >= 5 && line[start + 4].lowered == UInt8(ascii: "g") ? .critical : nil
        case key("fata"): return length >= 5 && line[start + 4].lowered == UInt8(ascii: "l") ? .critical : nil
        case key("aler"): return length >= 5 && line[start + 4].lowered == UInt8(ascii: "t") ? .critical : nil
        default: return nil
        }
    }

    @inline(__always) private static func mayBegin(_ letter: UInt8) -> Bool {
        // a c d e f i l n t w
        let bit = letter &- UInt8(ascii: "a")
        return bit < 26 && (0b100_1000_0010_1001_0011_1101 as UInt32) >> UInt32(bit) & 1 == 1
    }

    // With bit 5 set only letters become lower-case letters, so that equality with a key of letters is that of the word.
    @inline(__always) private static func lowered4(_ line: Span<UInt8>, _ at: Int) -> UInt32 {
        lowered3(line, at) | UInt32(line[at + 3] | 0x20) << 24
    }

    @inline(__always) private static func lowered3(_ line: Span<UInt8>, _ at: Int) -> UInt32 {
        UInt32(line[at] | 0x20) | UInt32(line[at + 1] | 0x20) << 8 | UInt32(line[at + 2] | 0x20) << 16
    }

    @inline(__always) private static func key(_ text: StaticString) -> UInt32 {
        var key: UInt32 = 0
        for index in 0..<text.utf8CodeUnitCount { key |= UInt32(text.utf8Start[index]) << UInt32(8 * index) }
        return key
    }

    /// `[pid] 14 Nov 07:01:22.119 * text`, `pid:role 12 Nov 07:52:11.999 * text`, the latter from Redis 5 on with a year.
    @inline(never) private static func redis(_ line: Span<UInt8>, _ end: Int) -> LogLevel {
        // At most six fields matter.
        var starts = InlineArray<6, Int>(repeating: 0)
        var lengths = InlineArray<6, Int>(repeating: 0)
        var count = 0
        var position = 0
        while count < 6 {
            while position < end, line[position].isBlank { position += 1 }
            if position == end { return .unknown }
            starts[count] = position
            while position < end, !line[position].isBlank { position += 1 }
            lengths[count] = position - starts[count]
            count += 1
            if count == 1, !mayBeRedis(line, starts[0], lengths[0]) { return .unknown }
        }
        let isOld = isBracketed(line, starts[0], lengths[0])
        let sign = !isOld && lengths[3] == 4 ? 5 : 4
        guard lengths[sign] == 1 else { return .unknown }
        switch line[starts[sign]] {
        case UInt8(ascii: "."): return .debug
        case UInt8(ascii: "-"): return .info
        case UInt8(ascii: "*"), UInt8(ascii: "#"): return .warning
        default: return .unknown
        }
    }

    /// `[…]`, or one colon in it.
    private static func mayBeRedis(_ line: Span<UInt8>, _ start: Int, _ length: Int) -> Bool {
        if isBracketed(line, start, length) { return true }
        var colons = 0
        for index in start..<start + length where line[index] == UInt8(ascii: ":") { colons += 1 }
        return colons == 1
    }

    private static func isBracketed(_ line: Span<UInt8>, _ start: Int, _ length: Int) -> Bool {
        line[start] == UInt8(ascii: "[") && line[start + length - 1] == UInt8(ascii: "]")
    }
}
