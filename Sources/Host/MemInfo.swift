/// Memory of the whole node from `/proc/meminfo` (proc(5)), in bytes. The file's "kB" are 1024 bytes.
struct MemInfo: Equatable {
    var total: UInt64
    var free: UInt64
    var available: UInt64
    var cached: UInt64

    /// nil if one of the four lines is missing or not a number.
    static func parse(_ bytes: RawSpan) -> MemInfo? {
        var cursor = ByteCursor(bytes)
        var total: UInt64?
        var free: UInt64?
        var available: UInt64?
        var cached: UInt64?
        repeat {
            if cursor.skip("MemTotal:") {
                total = kilobytes(&cursor)
            } else if cursor.skip("MemFree:") {
                free = kilobytes(&cursor)
            } else if cursor.skip("MemAvailable:") {
                available = kilobytes(&cursor)
            } else if cursor.skip("Cached:") {
                cached = kilobytes(&cursor)
                break
            }
        } while cursor.skipLine()
        guard let total, let free, let available, let cached else { return nil }
        return MemInfo(total: total, free: free, available: available, cached: cached)
    }

    private static func kilobytes(_ cursor: inout ByteCursor) -> UInt64? {
        guard let value = cursor.nextNumber() else { return nil }
        cursor.skipSpaces()
        guard cursor.skip("kB") else { return nil }
        let (bytes, overflow) = value.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }
}
