/// The text formats of cgroup files (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/).
enum CgroupFiles {
    /// A file with one number, such as `cpuacct.usage`.
    static func number(_ bytes: RawSpan) -> UInt64? {
        var cursor = ByteCursor(bytes)
        guard let value = cursor.nextNumber(), cursor.isAtLineEnd else { return nil }
        return value
    }

    /// The values of `keys` in a file of lines `key value`; nil for a key that is missing or not a number. A last line
    /// without line feed may be cut and is not read.
    static func values(_ bytes: RawSpan, of keys: [StaticString]) -> [UInt64?] {
        var values = [UInt64?](repeating: nil, count: keys.count)
        var cursor = ByteCursor(bytes)
        var missing = keys.count
        while missing > 0, cursor.hasWholeLine {
            for index in keys.indices where values[index] == nil && cursor.skip(keys[index]) {
                // Another key may begin with this one (`file`, `file_mapped`): a space must follow.
                if cursor.skip(" "), let value = cursor.number(), cursor.isAtLineEnd {
                    values[index] = value
                    missing -= 1
                    break
                }
                cursor.rewindLine()
            }
            cursor.skipLine()
        }
        return values
    }

    /// `cpu.max`: quota and period in microseconds, as cores. nil for `max`.
    static func cpuMax(_ bytes: RawSpan) -> Double? {
        var cursor = ByteCursor(bytes)
        guard let quota = cursor.nextNumber(), let period = cursor.nextNumber(), period > 0 else { return nil }
        return Double(quota) / Double(period)
    }

    /// `cpu.pressure` and the like: the totals (microseconds) of the lines `some` and `full`. Before Linux 5.13 the CPU has
    /// no line `full`; a whole cgroup cannot wait for the CPU then, so it counts as 0.
    static func pressure(_ bytes: RawSpan) -> CgroupUsage.Pressure? {
        var cursor = ByteCursor(bytes)
        var some: UInt64?
        var full: UInt64?
        while cursor.hasWholeLine {
            if cursor.skip("some ") {
                some = total(&cursor)
            } else if cursor.skip("full ") {
                full = total(&cursor)
            }
            cursor.skipLine()
        }
        guard let some else { return nil }
        return CgroupUsage.Pressure(some: Double(some) / 1e6, full: Double(full ?? 0) / 1e6)
    }

    private static func total(_ cursor: inout ByteCursor) -> UInt64? {
        while !cursor.isAtLineEnd {
            if cursor.skip("total=") { return cursor.number() }
            _ = cursor.nextWord()
            cursor.skipSpaces()
        }
        return nil
    }
}
