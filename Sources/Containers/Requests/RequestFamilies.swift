internal import Metrics
internal import Protocols

/// The families that show the requests of one protocol in one direction.
struct RequestFamilies: Sendable {
    struct Histogram: Sendable {
        let bucket: MetricFamily
        let sum: MetricFamily
        let count: MetricFamily
    }

    let counter: MetricFamily
    /// Nil for messages without an answer.
    let histogram: Histogram?

    /// Nil where requests are not shown: brokers of messages have no inbound series.
    static func of(_ applicationProtocol: ApplicationProtocol, isInbound: Bool) -> RequestFamilies? {
        (isInbound ? inbound : outbound)[Int(applicationProtocol.rawValue)]
    }

    private static let outbound = ApplicationProtocol.allCases.map { RequestFamilies($0, isInbound: false) }
    private static let inbound = ApplicationProtocol.allCases.map { RequestFamilies($0, isInbound: true) }

    private init?(_ applicationProtocol: ApplicationProtocol, isInbound: Bool) {
        let (name, unit) = Self.words(applicationProtocol)
        let base = "container_\(name)\(isInbound ? "_inbound" : "")_\(unit)"
        func family(_ ending: String) -> MetricFamily? { MetricFamily.allCases.first { $0.name == base + ending } }
        guard let counter = family("_total") else { return nil }
        self.counter = counter
        if let bucket = family("_duration_seconds_total_bucket"), let sum = family("_duration_seconds_total_sum"),
            let count = family("_duration_seconds_total_count")
        {
            histogram = Histogram(bucket: bucket, sum: sum, count: count)
        } else {
            histogram = nil
        }
    }

    /// What metrics call the protocol and what is counted of it.
    private static func words(_ applicationProtocol: ApplicationProtocol) -> (name: String, unit: String) {
        switch applicationProtocol {
        case .http1, .http2: ("http", "requests")
        case .dubbo2: ("dubbo", "requests")
        case .kafka, .dns, .zookeeper, .foundationdb: (applicationProtocol.name, "requests")
        case .rabbitmq, .nats: (applicationProtocol.name, "messages")
        case .postgres, .mysql, .redis, .memcached, .mongo, .cassandra, .clickhouse:
            (applicationProtocol.name, "queries")
        }
    }
}
