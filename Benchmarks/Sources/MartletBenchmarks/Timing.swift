import CBench
import Linux

/// Time and allocations of the calling thread.
enum Timing {
    struct Cost {
        var nanoseconds = 0.0
        var allocations: UInt64 = 0
    }

    static func measure<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> (cost: Cost, result: Result) {
        let allocations = bench_allocations()
        let begin = MonotonicClock.now()
        let result = try body()
        let end = MonotonicClock.now()
        return (Cost(nanoseconds: Double(end - begin), allocations: bench_allocations() - allocations), result)
    }
}
