/// Times of day in text.
enum ClockText {
    private static let longest = 100

    /// Whether `HH:MM:SS`, of any digits, stands in the first 100 bytes.
    static func isIn(_ line: Span<UInt8>) -> Bool {
        let end = min(line.count, longest)
        // The first colon has two digits before it and `DD:DD` after it.
        var position = 2
        while position + 6 <= end {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":"), from: position), colon + 6 <= end else {
                return false
            }
            if line[colon + 3] == UInt8(ascii: ":"), line[colon - 1].isDigit, line[colon - 2].isDigit,
                line[colon + 1].isDigit, line[colon + 2].isDigit, line[colon + 4].isDigit, line[colon + 5].isDigit
            {
                return true
            }
            position = colon + 1
        }
        return false
    }
}
