/// Times as container runtimes write them (RFC 3339, section 5.6).
public enum RFC3339 {
    /// A time in UTC with as many digits as it needs, as runtimes written in Go have it.
    public static func text(_ nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        let (year, month, day) = date(days: Int(seconds / 86_400))
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        var fraction = ""
        if nanoseconds % 1_000_000_000 != 0 {
            let digits = String(nanoseconds % 1_000_000_000 + 1_000_000_000).dropFirst()
            fraction =
                "." + digits.prefix(upTo: (digits.lastIndex { $0 != "0" }).map(digits.index(after:)) ?? digits.endIndex)
        }
        return "\(year)-\(two(UInt64(month)))-\(two(UInt64(day)))T\(two(seconds / 3_600 % 24)):"
            + "\(two(seconds / 60 % 60)):\(two(seconds % 60))\(fraction)Z"
    }

    /// Nanoseconds since the Unix epoch; nil if it is no such time, or before 1970 or after 2200.
    static func nanoseconds(_ text: Span<UInt8>) -> UInt64? {
        var second = Second()
        return nanoseconds(text, &second)
    }

    /// The same for times of which most are of one second, the one that was read last.
    @inline(__always)
    static func nanoseconds(_ text: Span<UInt8>, _ last: inout Second) -> UInt64? {
        guard text.count >= 20 else { return nil }
        let key = Second.Key(text)
        if last.key != key || last.key == Second.Key() {
            guard let value = seconds(text) else { return nil }
            last = Second(key: key, value: value)
        }
        return fraction(text, last.value)
    }

    /// Date and time of day up to the second: 19 characters, and seconds since the Unix epoch as if they were UTC.
    struct Second {
        struct Key: Equatable {
            private var bytes: (UInt64, UInt64, UInt64) = (0, 0, 0)

            init() {}

            /// The first 19 bytes of a text with at least as many.
            @inline(__always)
            init(_ text: Span<UInt8>) {
                guard text.count >= 19 else { return }
                let raw = text.bytes
                // 19 bytes are there, and any eight bytes are a number.
                bytes = unsafe (
                    raw.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self),
                    raw.unsafeLoadUnaligned(fromUncheckedByteOffset: 8, as: UInt64.self),
                    raw.unsafeLoadUnaligned(fromUncheckedByteOffset: 11, as: UInt64.self)
                )
            }

            @inline(__always)
            static func == (a: Key, b: Key) -> Bool { a.bytes == b.bytes }
        }

        fileprivate var key = Key()
        fileprivate var value = 0

        init() {}

        fileprivate init(key: Key, value: Int) { (self.key, self.value) = (key, value) }
    }

    private static func seconds(_ text: Span<UInt8>) -> Int? {
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let century = number(text, 0), let years = number(text, 2), let month = number(text, 5),
            let day = number(text, 8), let hour = number(text, 11), let minute = number(text, 14),
            let second = number(text, 17)
        else { return nil }
        let year = century * 100 + years
        guard 1970...2200 ~= year, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second <= 60 else {
            return nil
        }
        return days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// What stands after the second: its fraction and the offset from UTC.
    @inline(__always)
    private static func fraction(_ text: Span<UInt8>, _ seconds: Int) -> UInt64? {
        // Nine digits in UTC, as runtimes write most of them.
        if text.count == 30, text[19] == UInt8(ascii: "."), text[29] == UInt8(ascii: "Z"), text[28].isDigit,
            let eight = eightDigits(text.word(at: 20))
        {
            return UInt64(seconds) * 1_000_000_000 + eight * 10 + UInt64(text[28] &- UInt8(ascii: "0"))
        }
        var position = 19
        var nanoseconds = 0
        if text[position] == UInt8(ascii: ".") {
            position += 1
            var unit = 100_000_000
            let first = position
            while position < text.count, text[position].isDigit {
                nanoseconds += Int(text[position] &- UInt8(ascii: "0")) * unit
                unit /= 10
                position += 1
            }
            guard position > first else { return nil }
        }
        guard position < text.count else { return nil }
        var offset = 0
        switch text[position] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): guard position + 1 == text.count else { return nil }
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard position + 6 == text.count, text[position + 3] == UInt8(ascii: ":"),
                let hours = number(text, position + 1), let minutes = number(text, position + 4), hours < 24,
                minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * 60
            if text[position] == UInt8(ascii: "-") { offset = -offset }
        default: return nil
        }
        let seconds = seconds - offset
        return seconds < 0 ? nil : UInt64(seconds) * 1_000_000_000 + UInt64(nanoseconds)
    }

    /// The number that eight digits make, the first one lowest; nil if one is none.
    @inline(__always) private static func eightDigits(_ word: UInt64) -> UInt64? {
        let zeros: UInt64 = 0x3030_3030_3030_3030
        // Bit 7 of a byte is set by the one below `0`, by the other above `9`, and of what is not ASCII by itself.
        let bad = word | (word &- zeros) | (word &+ 0x4646_4646_4646_4646)
        guard bad & 0x8080_8080_8080_8080 == 0 else { return nil }
        // Digits to pairs, to fours, to all eight: in each the first half stands lower and counts more.
        var value = word & 0x0F0F_0F0F_0F0F_0F0F
        value = (value &* 10 &+ value >> 8) & 0x00FF_00FF_00FF_00FF
        value = (value &* 100 &+ value >> 16) & 0x0000_FFFF_0000_FFFF
        return (value &* 10_000 &+ value >> 32) & 0xFFFF_FFFF
    }

    /// The two digits at `position`.
    @inline(__always) private static func number(_ text: Span<UInt8>, _ position: Int) -> Int? {
        guard text[position].isDigit, text[position + 1].isDigit else { return nil }
        return Int(text[position] &- UInt8(ascii: "0")) * 10 + Int(text[position + 1] &- UInt8(ascii: "0"))
    }

    /// The day so many days after 1 January 1970.
    private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        // Never more than a year too late.
        var year = 1970 + days / 365
        while self.days(year, 1, 1) > days { year -= 1 }
        var month = 12
        while self.days(year, month, 1) > days { month -= 1 }
        return (year, month, days - self.days(year, month, 1) + 1)
    }

    /// Days since 1 January 1970 in the Gregorian calendar, with years that begin in March so that the odd day is the last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let months = month > 2 ? month - 3 : month + 9
        let leaps = shifted / 4 - shifted / 100 + shifted / 400
        // 719,468 days lie between 1 March of the year 0 and 1 January 1970.
        return shifted * 365 + leaps + (153 * months + 2) / 5 + day - 1 - 719_468
    }
}
