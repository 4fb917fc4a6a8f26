import Metrics

/// The series of a dense node at one moment: containers with ten label sets each, which families share as in the agent.
struct DenseSnapshot {
    static let extraLabels = LabelSet([("job", "coroot-node-agent"), ("instance", "node-17.example.com")])

    let snapshot: MetricsSnapshot

    init(containers: Int) {
        var snapshot = MetricsSnapshot(timestamp: 1_763_935_990_123)
        snapshot.since = 1_763_930_000_000
        let common = LabelSet([("machine_id", "0123456789abcdef0123456789abcdef"), ("system_uuid", "4c4c4544-0042")])
        for index in 0..<containers {
            let identity = common.adding([
                ("container_id", "/k8s/shop-\(index % 40)/checkout-7d9f8b5c-\(index)/server"), ("app_id", ""),
            ])
            func value(_ scale: Double) -> Double { Double(index &* 7919 % 10_007) * scale }
            snapshot.add(.containerInfo, identity.adding([("image", "registry.example/shop/checkout:1.\(index)")]), 1)
            snapshot.add(.containerRestartsTotal, identity, 0)
            snapshot.add(.containerResourcesCpuUsageSecondsTotal, identity, value(0.013))
            snapshot.add(.containerResourcesCpuThrottledSecondsTotal, identity, value(0.001))
            snapshot.add(.containerResourcesMemoryRssBytes, identity, value(4096))
            snapshot.add(.containerResourcesMemoryCacheBytes, identity, value(8192))
            snapshot.add(.containerOomKillsTotal, identity, 0)
            for kind in ["some", "full"] {
                let pressure = identity.adding([("kind", kind)])
                snapshot.add(.containerResourcesCpuPressureWaitingSecondsTotal, pressure, value(0.017))
                snapshot.add(.containerResourcesMemoryPressureWaitingSecondsTotal, pressure, value(0.011))
                snapshot.add(.containerResourcesIoPressureWaitingSecondsTotal, pressure, value(0.019))
            }
            for destination in 0..<4 {
                let address = "10.\(index % 250).\(destination).17:5432"
                let labels = identity.adding([("destination", address), ("actual_destination", address)])
                snapshot.add(.containerNetTcpSuccessfulConnectsTotal, labels, value(1))
                snapshot.add(.containerNetTcpConnectionTimeSecondsTotal, labels, value(0.0003))
                snapshot.add(.containerNetTcpActiveConnections, labels, value(0.01))
                snapshot.add(.containerNetTcpBytesSentTotal, labels, value(1234))
                snapshot.add(.containerNetTcpBytesReceivedTotal, labels, value(98_765))
            }
            let listen = identity.adding([("listen_addr", "0.0.0.0:8080"), ("proxy", "")])
            snapshot.add(.containerNetTcpListenInfo, listen, 1)
        }
        self.snapshot = snapshot
    }
}
