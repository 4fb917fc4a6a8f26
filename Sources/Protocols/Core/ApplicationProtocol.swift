/// The application protocols that the agent understands.
public enum ApplicationProtocol: UInt8, Sendable, CaseIterable {
    case http1
    case http2
    case postgres
    case mysql
    case redis
    case memcached
    case mongo
    case kafka
    case cassandra
    case rabbitmq
    case nats
    case dubbo2
    case dns
    case clickhouse
    case zookeeper
    case foundationdb

    /// As the command line and messages have it.
    public var name: String { "\(self)" }

    public init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}
