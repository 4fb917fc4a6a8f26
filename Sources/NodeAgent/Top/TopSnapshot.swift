/// What the live view needs of one page.
struct TopSnapshot: Sendable {
    /// Sums over a container's series; nil where the page has none.
    struct Container: Hashable, Sendable {
        var cpuSeconds: Double?
        var memory: Double?
        var connections: Double?
        var sent: Double?
        var received: Double?
        var restarts: Double?
    }

    /// When the page was fetched, in nanoseconds of a clock that does not go back.
    let time: UInt64
    private(set) var containers: [String: Container] = [:]
    private(set) var events = 0.0
    /// Kernel events that did not arrive.
    private(set) var lost = 0.0
    private(set) var dropped = 0.0
    private(set) var faults = 0.0

    init(_ page: PageText, time: UInt64) {
        self.time = time
        for sample in page.samples where sample.value.isFinite {
            switch sample.name {
            case "martlet_events_total": events += sample.value
            case "martlet_events_lost_total": lost += sample.value
            case "martlet_dropped_total": dropped += sample.value
            case "martlet_faults_total": faults += sample.value
            default: add(sample)
            }
        }
    }

    private mutating func add(_ sample: PageSample) {
        guard let id = sample.labels["container_id"], let field = Self.field(sample) else { return }
        containers[id, default: Container()][keyPath: field] =
            (containers[id]?[keyPath: field] ?? 0) + sample.value
    }

    /// Bytes are those of connections that the container made and of those that it accepted.
    private static func field(_ sample: PageSample) -> WritableKeyPath<Container, Double?>? {
        switch sample.name {
        case "container_resources_cpu_usage_seconds_total": \.cpuSeconds
        case "container_resources_memory_rss_bytes": \.memory
        case "container_net_tcp_active_connections": \.connections
        case "container_net_tcp_bytes_sent_total": \.sent
        case "container_net_tcp_bytes_received_total": \.received
        case "container_restarts_total": \.restarts
        case "martlet_container_inbound_bytes_total":
            sample.labels["direction"] == "sent" ? \.sent : \.received
        default: nil
        }
    }
}
