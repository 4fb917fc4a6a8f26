import CBench
import Glibc
import Linux

/// Producer and consumer on a core each, for a fixed number of records: the whole time, and so the rate.
///
/// Swift decodes every record and drains on a timer, without wake-ups; libbpf calls an empty callback, once drained on the
/// same timer and once woken by the kernel through epoll, which is how its `ring_buffer__poll` is meant.
enum RingThroughput {
    private static let capacity = 4 << 20
    private static let total = 8_000_000
    private static let rounds = 9
    private static let pause: UInt64 = 500_000

    static func run() throws -> [Measurement] {
        guard sysconf(Int32(_SC_NPROCESSORS_ONLN)) >= 2 else { throw BenchmarkError("needs two CPUs") }
        let producer = try Producer(capacity: capacity)
        bench_pin(1)
        defer { bench_pin(-1) }

        var rates: [[Double]] = [[], [], []]
        var allocations: UInt64 = 0
        for round in -1..<rounds {
            for turn in 0..<3 {
                let which = (turn + round + 1) % 3
                let cost = try measure(producer, which)
                if round < 0 { continue }
                rates[which].append(Double(total) / cost.nanoseconds * 1000)
                if which == 0 { allocations += cost.allocations }
            }
        }
        return [
            Measurement("swift", Statistics.median(rates[0]), "M records/s"),
            Measurement("libbpf_consume", Statistics.median(rates[1]), "M records/s"),
            Measurement("libbpf_poll", Statistics.median(rates[2]), "M records/s"),
            Measurement("swift_to_libbpf_consume", Statistics.ratio(rates[0], rates[1])),
            Measurement("swift_to_libbpf_poll", Statistics.ratio(rates[0], rates[2])),
            Measurement("allocations_per_record", Double(allocations) / Double(rounds * total)),
        ]
    }

    private static func measure(_ producer: Producer, _ which: Int) throws -> Timing.Cost {
        let pattern = bench_pattern(sockets: 1000, containers: 10, first_cgroup: 1000, wakes: which == 2)
        // A consumer reads its place in the ring when it is made, so each gets the ring as the last one left it.
        let consumer = try Consumer(producer)
        guard let libbpf = bench_libbpf_open(producer.ring) else { throw BenchmarkError("cannot map the ring") }
        defer { bench_libbpf_close(libbpf) }
        var cost = Timing.Cost()
        try producer.produce(pattern, total: total, cpu: 0) {
            let measured = Timing.measure {
                switch which {
                case 0: consume(consumer)
                case 1: bench_libbpf_consume_timed(libbpf, UInt64(total), pause)
                default: bench_libbpf_poll(libbpf, UInt64(total))
                }
            }
            cost = measured.cost
        }
        return cost
    }

    private static func consume(_ consumer: Consumer) {
        var records = 0
        while true {
            records += consumer.consume().records
            if records >= total { return }
            bench_sleep(pause)
        }
    }
}
