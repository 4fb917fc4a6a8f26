import CBench
import CEvents
import Containers
import Metrics
import Wire

/// 1,000 containers with 26 series each: gathering them, writing the page, and writing and compressing remote write.
enum Page {
    private static let containers = 1000
    private static let destinations = 4
    private static let rounds = 31

    static func run() async throws -> [Measurement] {
        let node = try await Node(containers: containers)
        defer { node.stop() }
        let registry = node.registry
        await node.work.run {
            registry.assumeIsolated { registry in
                for index in 0..<containers { connect(registry, index) }
            }
        }

        var gather: [Timing.Cost] = []
        var text: [Timing.Cost] = []
        var remote: [Timing.Cost] = []
        var packing: [Timing.Cost] = []
        var page = WireBuffer()
        var request = WireBuffer()
        var packed = WireBuffer()
        var encoder = MetricsEncoder(
            .remoteWrite, extraLabels: LabelSet([("job", "coroot-node-agent"), ("instance", "bench")]))
        var samples = 0
        var sizes = (page: 0, request: 0, packed: 0)
        for round in -3..<rounds {
            let (gathered, snapshot) = await node.work.run {
                registry.assumeIsolated { registry in
                    let (cost, result) = Timing.measure { registry.snapshot() }
                    return (cost, result.series)
                }
            }
            samples = snapshot.count
            page.removeAll()
            let written = Timing.measure { TextExposition.encode(snapshot, format: .prometheus004, into: &page) }.cost
            sizes = (page.count, 0, 0)
            var packingCost = Timing.Cost()
            let encoded = try Timing.measure {
                try encoder.encode(snapshot, into: &request) { (request, _) throws(CompressionError) in
                    packed.removeAll()
                    let cost = try Timing.measure { () throws(CompressionError) in
                        try Snappy.compress(request, into: &packed)
                    }.cost
                    packingCost.nanoseconds += cost.nanoseconds
                    packingCost.allocations += cost.allocations
                    sizes.request += request.count
                    sizes.packed += packed.count
                }
            }.cost
            if round < 0 { continue }
            gather.append(gathered)
            text.append(written)
            remote.append(encoded)
            packing.append(packingCost)
        }
        guard samples == containers * (2 + 6 * destinations) else { throw BenchmarkError("\(samples) samples") }
        let count = Double(samples)
        func time(_ costs: [Timing.Cost]) -> Double { Statistics.median(costs.map { $0.nanoseconds / count }) }
        func allocations(_ costs: [Timing.Cost]) -> Double {
            Statistics.median(costs.map { Double($0.allocations) / count })
        }
        return [
            Measurement("samples", count),
            Measurement("gather", time(gather), "ns/sample"),
            Measurement("gather_allocations_per_sample", allocations(gather)),
            Measurement("text", time(text), "ns/sample"),
            Measurement("text_bytes_per_sample", Double(sizes.page) / count),
            Measurement("text_allocations_per_sample", allocations(text)),
            Measurement("remote_write_snappy", time(remote), "ns/sample"),
            Measurement("snappy", time(packing), "ns/sample"),
            Measurement("remote_write_bytes_per_sample", Double(sizes.request) / count),
            Measurement("remote_write_snappy_bytes_per_sample", Double(sizes.packed) / count),
            Measurement("remote_write_snappy_allocations_per_sample", allocations(remote)),
        ]
    }

    /// Every destination: one connection that ended, with bytes and a retransmit.
    private static func connect(_ registry: isolated Registry, _ index: Int) {
        let cgroup = Node.firstCgroup + UInt64(index)
        guard let container = registry.container(cgroup: cgroup, memoryCgroup: 0) else { return }
        container.assumeIsolated { container in
            for destination in 0..<destinations {
                var event = martlet_tcp()
                event.header.time_ns = 1
                event.header.type = MARTLET_TCP_ESTABLISHED.rawValue
                event.ends.id = UInt64(index * destinations + destination + 1)
                event.ends.remote_address.10 = 0xFF
                event.ends.remote_address.11 = 0xFF
                event.ends.remote_address.12 = 10
                event.ends.remote_address.14 = UInt8(index % 250)
                event.ends.remote_address.15 = UInt8(destination + 1)
                event.ends.remote_port = 5432
                event.duration_ns = 1_234_567
                container.apply(event)
                event.header.type = MARTLET_TCP_CLOSED.rawValue
                event.bytes_sent = UInt64(12_345 * (index + 1))
                event.bytes_received = UInt64(6_789_012 * (index + 1))
                event.retransmits = UInt32(index + 1)
                container.apply(event)
            }
        }
    }
}
