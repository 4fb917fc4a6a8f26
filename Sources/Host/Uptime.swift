/// `/proc/uptime` (proc(5)).
enum Uptime {
    /// Seconds since boot: the first of exactly two fields. nil for anything else.
    static func parse(_ bytes: RawSpan) -> Double? {
        var cursor = ByteCursor(bytes)
        guard let uptime = seconds(&cursor), seconds(&cursor) != nil else { return nil }
        cursor.skipSpaces()
        return cursor.isAtLineEnd ? uptime : nil
    }

    private static func seconds(_ cursor: inout ByteCursor) -> Double? {
        guard let whole = cursor.nextNumber() else { return nil }
        guard cursor.skip(".") else { return Double(whole) }
        let start = cursor.offset
        guard let part = cursor.number() else { return nil }
        var value = Double(part)
        for _ in start..<cursor.offset { value /= 10 }
        return Double(whole) + value
    }
}
