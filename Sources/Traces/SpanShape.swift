internal import Protocols
internal import Wire

/// What an exchange is to OpenTelemetry, and what gives its span the name.
struct SpanShape {
    enum System {
        case http
        case query(old: StaticString, stable: StaticString)
        case memcached
        case redis
        case zookeeper
        case messaging(StaticString)
        case dns
    }

    let system: System
    /// Nil where the name is `fallback`.
    let name: RequestText.Entry?
    let fallback: StaticString

    /// Nil for exchanges without a span: of protocols that have none, and those whose method, query or command is not known.
    init?(_ exchange: Exchange, _ text: borrowing RequestText) {
        var operation = text.first(.operation)
        if let found = operation, text.isEmpty(found) { operation = nil }
        let statement = text.first(.statement)
        let hasStatement = statement.map { !text.isEmpty($0) } ?? false
        var named = true
        switch exchange.applicationProtocol {
        case .http1: (system, fallback) = (.http, "")
        case .http2:
            (system, fallback) = (.http, "unknown")
            named = false
        case .postgres: (system, fallback) = (.query(old: "postgresql", stable: "postgresql"), "query")
        case .mysql: (system, fallback) = (.query(old: "mysql", stable: "mysql"), "query")
        case .mongo: (system, fallback) = (.query(old: "mongodb", stable: "mongodb"), "query")
        case .clickhouse: (system, fallback) = (.query(old: "clickhouse", stable: "clickhouse"), "query")
        case .cassandra: (system, fallback) = (.query(old: "cassandra", stable: "cassandra"), "query")
        case .memcached: (system, fallback) = (.memcached, "")
        case .redis: (system, fallback) = (.redis, "")
        case .zookeeper: (system, fallback) = (.zookeeper, "")
        case .kafka: (system, fallback) = (.messaging("kafka"), "")
        case .rabbitmq: (system, fallback) = (.messaging("rabbitmq"), Self.verb(exchange.method))
        case .nats: (system, fallback) = (.messaging("nats"), Self.verb(exchange.method))
        case .dns: (system, fallback) = (.dns, "")
        case .dubbo2, .foundationdb: return nil
        }
        if case .query = system {
            guard hasStatement || exchange.applicationProtocol == .clickhouse else { return nil }
            name = nil
            return
        }
        if exchange.method != .request { named = false }
        if operation == nil, named { return nil }
        name = operation
    }

    func kind(_ method: ExchangeMethod, isInbound: Bool) -> SpanKind {
        switch method {
        case .request: isInbound ? .server : .client
        case .produce: .producer
        case .consume: .consumer
        }
    }

    private static func verb(_ method: ExchangeMethod) -> StaticString {
        switch method {
        case .request: ""
        case .produce: "publish"
        case .consume: "receive"
        }
    }
}

extension RequestText {
    func isEmpty(_ entry: Entry) -> Bool { withBytes(entry) { $0.isEmpty } }
}
