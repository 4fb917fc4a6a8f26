import CAllocations
import Testing

@testable import Protocols

/// Nothing is allocated for a request once a connection has seen its like.
@Suite(.disabled(if: _isDebugAssertConfiguration(), "code that is not optimised allocates"))
struct DatabaseAllocationTests {
    private final class Counter: ExchangeReceiver {
        var count = 0
        func receive(_ exchange: Exchange, _ text: borrowing RequestText) { count += 1 }
    }

    @Test(
        arguments: [
            "postgres-simple", "postgres-pgbench-extended", "postgres-pgbench-prepared", "postgres-pipeline",
            "mysql-mariadb", "mysql-multi", "redis-cli", "redis-pipelined", "memcached-text", "mongo-pymongo",
            "clickhouse-1",
        ], [false, true]
    ) func `a recording, again and again`(_ name: String, _ wantsText: Bool) throws {
        let recorded = try #require(
            ApplicationProtocol.allCases.first { name.hasPrefix($0.name) })
        let segments = try Recording(name).segments
        let parser = ProtocolDetector.parser(of: recorded).init(options: ParsingOptions(wantsText: wantsText))
        let counter = Counter()
        var before: UInt64 = 0
        // The log-in is not repeated.
        let first = segments.lastIndex {
            $0.side == .client && ($0.bytes.first == 0 || $0.bytes.dropFirst(3).first == 1)
        }
        for round in 0..<20 {
            if round == 10 { before = bench_allocations() }
            for segment in round == 0 ? segments[...] : segments[min((first ?? -1) + 2, segments.count)...] {
                segment.bytes.withUnsafeBytes {
                    parser.take(
                        RawSpan(_unsafeBytes: $0), from: segment.side, at: UInt64(round), missing: 0,
                        tail: segment.tail, counter)
                }
            }
        }
        let allocations = bench_allocations() - before
        #expect(counter.count > 10)
        // With texts, MongoDB's numbers and a new prepared statement take some.
        if !wantsText { #expect(allocations == 0) }
        print("\(name) \(wantsText ? "with" : "without") texts: \(allocations) allocations in 10 rounds")
    }
}
