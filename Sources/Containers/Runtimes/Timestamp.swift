/// RFC 3339 times as runtimes write them.
enum Timestamp {
    /// Seconds since the Unix epoch of `2026-11-23T21:34:00.123Z` (fractions dropped, offsets applied); nil for anything
    /// else and for Go's zero time.
    static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84 || bytes[10] == 32, bytes[13] == 58,
            bytes[16] == 58, let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), year >= 1970, (1...12).contains(month), (1...31).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        if bytes[index] == UInt8(ascii: ".") {
            index += 1
            while index < bytes.count, KubernetesName.isDigit(bytes[index]) { index += 1 }
        }
        var offset: Int64 = 0
        let zone = bytes[index...]
        if zone.count == 6, zone[index + 3] == 58, let hours = number(zone[(index + 1)..<(index + 3)]),
            let minutes = number(zone[(index + 4)...])
        {
            switch zone[index] {
            case UInt8(ascii: "+"): offset = hours * 3600 + minutes * 60
            case UInt8(ascii: "-"): offset = -(hours * 3600 + minutes * 60)
            default: return nil
            }
        } else if Array(zone) != [UInt8(ascii: "Z")] {
            return nil
        }
        // Days since the epoch, with years that start in March so that the leap day comes last.
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        return days * 86400 + hour * 3600 + minute * 60 + second - offset
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard KubernetesName.isDigit(digit) else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }
}
