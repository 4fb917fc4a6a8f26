import CBench
import Glibc

/// The consumer alone: a full ring is read by a hand-written C loop, by libbpf and by Swift. The three read the very same
/// records, in an order that changes from round to round.
enum RingConsume {
    private static let capacity = 4 << 20
    private static let rounds = 61

    static func run() throws -> [Measurement] {
        let producer = try Producer(capacity: capacity)
        let consumer = try Consumer(producer)
        guard let c = bench_c_open(producer.ring, capacity) else { throw BenchmarkError("cannot map the ring") }
        defer { bench_c_close(c) }
        guard let libbpf = bench_libbpf_open(producer.ring) else { throw BenchmarkError("cannot map the ring") }
        defer { bench_libbpf_close(libbpf) }
        bench_pin(1)
        defer { bench_pin(-1) }

        let pattern = bench_pattern(sockets: 1000, containers: 10, first_cgroup: 1000, wakes: false)
        // 120 bytes a record; a little less than full.
        let records = capacity / 120 - 100
        var times: [[Double]] = [[], [], []]
        var allocations: UInt64 = 0
        for round in -3..<rounds {
            let start = bench_c_position(c)
            try producer.produce(pattern, first: (round + 3) * records, count: records)
            var digests: [UInt64] = [0, 0]
            for turn in 0..<3 {
                bench_c_rewind(c, start)
                let which = (turn + round + 3) % 3
                let cost: Timing.Cost
                let count: Int
                switch which {
                case 0: (cost, count) = Timing.measure { Int(bench_c_consume(c, &digests[0])) }
                case 1: (cost, count) = Timing.measure { Int(bench_libbpf_consume(libbpf)) }
                default:
                    let measured = Timing.measure { consumer.consume() }
                    (cost, count) = (measured.cost, measured.result.records)
                    digests[1] = measured.result.digest
                    if round >= 0 { allocations += cost.allocations }
                }
                guard count == records else { throw BenchmarkError("consumer \(which) read \(count) of \(records)") }
                if round >= 0 { times[which].append(cost.nanoseconds / Double(records)) }
            }
            guard digests[0] == digests[1] else { throw BenchmarkError("C and Swift read different records") }
        }
        return [
            Measurement("c", Statistics.median(times[0]), "ns/record"),
            Measurement("libbpf", Statistics.median(times[1]), "ns/record"),
            Measurement("swift", Statistics.median(times[2]), "ns/record"),
            Measurement("swift_to_c", Statistics.ratio(times[2], times[0])),
            Measurement("swift_to_libbpf", Statistics.ratio(times[2], times[1])),
            Measurement("allocations_per_record", Double(allocations) / Double(rounds * records)),
        ]
    }
}
