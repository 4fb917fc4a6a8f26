/// CPU times of the whole node from `/proc/stat` (proc(5)).
struct ProcStat: Equatable {
    /// Times in clock ticks (`sysconf(_SC_CLK_TCK)` per second) in the order of `modes`.
    var ticks: [UInt64]
    /// Number of online logical CPUs: lines `cpuN`.
    var logicalCores: Int

    /// The label values of `mode`, in the order of the columns. The guest columns that follow are contained in user and
    /// nice and therefore not read.
    static let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]

    /// nil if there is no line `cpu` with eight numbers.
    static func parse(_ bytes: RawSpan) -> ProcStat? {
        var cursor = ByteCursor(bytes)
        var ticks: [UInt64]?
        var cores = 0
        // The cpu lines come first; what follows (interrupts by number) is long and of no use here.
        while cursor.hasWholeLine, cursor.skip("cpu") {
            if cursor.number() != nil {
                cores += 1
            } else {
                var found = [UInt64]()
                found.reserveCapacity(modes.count)
                while found.count < modes.count, let value = cursor.nextNumber() { found.append(value) }
                guard found.count == modes.count else { return nil }
                ticks = found
            }
            cursor.skipLine()
        }
        guard let ticks else { return nil }
        return ProcStat(ticks: ticks, logicalCores: cores)
    }
}
