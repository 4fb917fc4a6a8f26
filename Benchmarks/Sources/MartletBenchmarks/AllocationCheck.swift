import CBench
import Glibc

/// Proves that the counter counts before anybody trusts its zero.
enum AllocationCheck {
    private final class Thing {
        let value: Int
        init(_ value: Int) { self.value = value }
    }

    /// Allocations made from Swift and from inside libc, and how many of each were counted.
    static func run() throws -> String {
        let count = 1000
        var things: [Thing] = []
        things.reserveCapacity(count)
        var before = bench_allocations()
        for index in 0..<count { things.append(Thing(index)) }
        let swift = bench_allocations() - before
        guard things.reduce(0, { $0 + $1.value }) == count * (count - 1) / 2 else { throw BenchmarkError("a miscount") }

        var copies: [UnsafeMutablePointer<CChar>?] = []
        copies.reserveCapacity(count)
        before = bench_allocations()
        for _ in 0..<count { copies.append(strdup("martlet")) }
        let libc = bench_allocations() - before
        for copy in copies { free(copy) }

        guard swift == count, libc == count else {
            throw BenchmarkError(
                "the allocation counter is wrong: \(swift) of \(count) objects and \(libc) of \(count) strings counted")
        }
        return "allocation counter: \(swift) of \(count) Swift objects, \(libc) of \(count) strdup calls counted"
    }
}
