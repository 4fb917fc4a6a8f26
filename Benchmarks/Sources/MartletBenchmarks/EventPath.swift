import CBench
import Metrics

/// The agent's own path from ring record to counter: drain, connection signal, container. 1,000 sockets connect and close,
/// over and over, to 20 destinations.
enum EventPath {
    private static let rounds = 31
    private static let sockets = 1000
    private static let records = 30_000

    static func run() async throws -> [Measurement] {
        // All of one container, so that it gets whole batches; and of ten in turn, so that each gets one record at a time.
        try await run("one_container", containers: 1) + run("ten_containers", containers: 10)
    }

    private static func run(_ name: String, containers: Int) async throws -> [Measurement] {
        let node = try await Node(containers: containers)
        defer { node.stop() }
        let producer = try Producer(ring: node.kernel.pollDescriptors[0], capacity: node.kernel.configuration.ringBytes)
        try await node.startDrain()
        let drain = node.drain
        let pattern = bench_pattern(
            sockets: UInt64(sockets), containers: UInt64(containers), first_cgroup: Node.firstCgroup, wakes: false)
        var times: [Double] = []
        var allocations: UInt64 = 0
        let warmUp = 3
        for round in 0..<(warmUp + rounds) {
            // One job of the lane, so that no timer of the drain comes between.
            let cost = try await node.work.run {
                try producer.produce(pattern, first: round * records, count: records)
                return drain.assumeIsolated { drain in Timing.measure { drain.pass() }.cost }
            }
            if round < warmUp { continue }
            times.append(cost.nanoseconds / Double(records))
            allocations += cost.allocations
        }

        let series = await node.registry.snapshot().series
        let connects = series[.containerNetTcpSuccessfulConnectsTotal].reduce(0) { $0 + $1.value }
        let active = series[.containerNetTcpActiveConnections].reduce(0) { $0 + $1.value }
        let events = Double((warmUp + rounds) * records)
        guard connects == events / 2, active == 0 else {
            throw BenchmarkError("\(events) events made \(connects) connects, \(active) of them open")
        }
        return [
            Measurement(name, Statistics.median(times), "ns/event"),
            Measurement(name + "_allocations_per_event", Double(allocations) / Double(rounds * records)),
        ]
    }
}
