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

    private init(
        _ counter: MetricFamily, _ bucket: MetricFamily, _ sum: MetricFamily, _ count: MetricFamily
    ) {
        self.counter = counter
        histogram = Histogram(bucket: bucket, sum: sum, count: count)
    }

    private init(messages counter: MetricFamily) {
        self.counter = counter
        histogram = nil
    }

    /// Nil where requests are not shown: brokers of messages have no inbound series.
    static func of(_ applicationProtocol: ApplicationProtocol, isInbound: Bool) -> RequestFamilies? {
        isInbound ? inbound(applicationProtocol) : outbound(applicationProtocol)
    }

    private static func outbound(_ applicationProtocol: ApplicationProtocol) -> RequestFamilies? {
        switch applicationProtocol {
        case .http1, .http2:
            RequestFamilies(
                .containerHttpRequestsTotal, .containerHttpRequestsDurationSecondsTotalBucket,
                .containerHttpRequestsDurationSecondsTotalSum, .containerHttpRequestsDurationSecondsTotalCount)
        case .postgres:
            RequestFamilies(
                .containerPostgresQueriesTotal, .containerPostgresQueriesDurationSecondsTotalBucket,
                .containerPostgresQueriesDurationSecondsTotalSum, .containerPostgresQueriesDurationSecondsTotalCount)
        case .mysql:
            RequestFamilies(
                .containerMysqlQueriesTotal, .containerMysqlQueriesDurationSecondsTotalBucket,
                .containerMysqlQueriesDurationSecondsTotalSum, .containerMysqlQueriesDurationSecondsTotalCount)
        case .redis:
            RequestFamilies(
                .containerRedisQueriesTotal, .containerRedisQueriesDurationSecondsTotalBucket,
                .containerRedisQueriesDurationSecondsTotalSum, .containerRedisQueriesDurationSecondsTotalCount)
        case .memcached:
            RequestFamilies(
                .containerMemcachedQueriesTotal, .containerMemcachedQueriesDurationSecondsTotalBucket,
                .containerMemcachedQueriesDurationSecondsTotalSum, .containerMemcachedQueriesDurationSecondsTotalCount)
        case .mongo:
            RequestFamilies(
                .containerMongoQueriesTotal, .containerMongoQueriesDurationSecondsTotalBucket,
                .containerMongoQueriesDurationSecondsTotalSum, .containerMongoQueriesDurationSecondsTotalCount)
        case .kafka:
            RequestFamilies(
                .containerKafkaRequestsTotal, .containerKafkaRequestsDurationSecondsTotalBucket,
                .containerKafkaRequestsDurationSecondsTotalSum, .containerKafkaRequestsDurationSecondsTotalCount)
        case .cassandra:
            RequestFamilies(
                .containerCassandraQueriesTotal, .containerCassandraQueriesDurationSecondsTotalBucket,
                .containerCassandraQueriesDurationSecondsTotalSum, .containerCassandraQueriesDurationSecondsTotalCount)
        case .dubbo2:
            RequestFamilies(
                .containerDubboRequestsTotal, .containerDubboRequestsDurationSecondsTotalBucket,
                .containerDubboRequestsDurationSecondsTotalSum, .containerDubboRequestsDurationSecondsTotalCount)
        case .dns:
            RequestFamilies(
                .containerDnsRequestsTotal, .containerDnsRequestsDurationSecondsTotalBucket,
                .containerDnsRequestsDurationSecondsTotalSum, .containerDnsRequestsDurationSecondsTotalCount)
        case .clickhouse:
            RequestFamilies(
                .containerClickhouseQueriesTotal, .containerClickhouseQueriesDurationSecondsTotalBucket,
                .containerClickhouseQueriesDurationSecondsTotalSum, .containerClickhouseQueriesDurationSecondsTotalCount)
        case .zookeeper:
            RequestFamilies(
                .containerZookeeperRequestsTotal, .containerZookeeperRequestsDurationSecondsTotalBucket,
                .containerZookeeperRequestsDurationSecondsTotalSum, .containerZookeeperRequestsDurationSecondsTotalCount)
        case .foundationdb:
            RequestFamilies(
                .containerFoundationdbRequestsTotal, .containerFoundationdbRequestsDurationSecondsTotalBucket,
                .containerFoundationdbRequestsDurationSecondsTotalSum, .containerFoundationdbRequestsDurationSecondsTotalCount)
        case .rabbitmq: RequestFamilies(messages: .containerRabbitmqMessagesTotal)
        case .nats: RequestFamilies(messages: .containerNatsMessagesTotal)
        }
    }

    private static func inbound(_ applicationProtocol: ApplicationProtocol) -> RequestFamilies? {
        switch applicationProtocol {
        case .http1, .http2:
            RequestFamilies(
                .containerHttpInboundRequestsTotal, .containerHttpInboundRequestsDurationSecondsTotalBucket,
                .containerHttpInboundRequestsDurationSecondsTotalSum, .containerHttpInboundRequestsDurationSecondsTotalCount)
        case .postgres:
            RequestFamilies(
                .containerPostgresInboundQueriesTotal, .containerPostgresInboundQueriesDurationSecondsTotalBucket,
                .containerPostgresInboundQueriesDurationSecondsTotalSum, .containerPostgresInboundQueriesDurationSecondsTotalCount)
        case .mysql:
            RequestFamilies(
                .containerMysqlInboundQueriesTotal, .containerMysqlInboundQueriesDurationSecondsTotalBucket,
                .containerMysqlInboundQueriesDurationSecondsTotalSum, .containerMysqlInboundQueriesDurationSecondsTotalCount)
        case .redis:
            RequestFamilies(
                .containerRedisInboundQueriesTotal, .containerRedisInboundQueriesDurationSecondsTotalBucket,
                .containerRedisInboundQueriesDurationSecondsTotalSum, .containerRedisInboundQueriesDurationSecondsTotalCount)
        case .memcached:
            RequestFamilies(
                .containerMemcachedInboundQueriesTotal, .containerMemcachedInboundQueriesDurationSecondsTotalBucket,
                .containerMemcachedInboundQueriesDurationSecondsTotalSum, .containerMemcachedInboundQueriesDurationSecondsTotalCount)
        case .mongo:
            RequestFamilies(
                .containerMongoInboundQueriesTotal, .containerMongoInboundQueriesDurationSecondsTotalBucket,
                .containerMongoInboundQueriesDurationSecondsTotalSum, .containerMongoInboundQueriesDurationSecondsTotalCount)
        case .kafka:
            RequestFamilies(
                .containerKafkaInboundRequestsTotal, .containerKafkaInboundRequestsDurationSecondsTotalBucket,
                .containerKafkaInboundRequestsDurationSecondsTotalSum, .containerKafkaInboundRequestsDurationSecondsTotalCount)
        case .cassandra:
            RequestFamilies(
                .containerCassandraInboundQueriesTotal, .containerCassandraInboundQueriesDurationSecondsTotalBucket,
                .containerCassandraInboundQueriesDurationSecondsTotalSum, .containerCassandraInboundQueriesDurationSecondsTotalCount)
        case .dubbo2:
            RequestFamilies(
                .containerDubboInboundRequestsTotal, .containerDubboInboundRequestsDurationSecondsTotalBucket,
                .containerDubboInboundRequestsDurationSecondsTotalSum, .containerDubboInboundRequestsDurationSecondsTotalCount)
        case .dns:
            RequestFamilies(
                .containerDnsInboundRequestsTotal, .containerDnsInboundRequestsDurationSecondsTotalBucket,
                .containerDnsInboundRequestsDurationSecondsTotalSum, .containerDnsInboundRequestsDurationSecondsTotalCount)
        case .clickhouse:
            RequestFamilies(
                .containerClickhouseInboundQueriesTotal, .containerClickhouseInboundQueriesDurationSecondsTotalBucket,
                .containerClickhouseInboundQueriesDurationSecondsTotalSum, .containerClickhouseInboundQueriesDurationSecondsTotalCount)
        case .zookeeper:
            RequestFamilies(
                .containerZookeeperInboundRequestsTotal, .containerZookeeperInboundRequestsDurationSecondsTotalBucket,
                .containerZookeeperInboundRequestsDurationSecondsTotalSum, .containerZookeeperInboundRequestsDurationSecondsTotalCount)
        case .foundationdb:
            RequestFamilies(
                .containerFoundationdbInboundRequestsTotal, .containerFoundationdbInboundRequestsDurationSecondsTotalBucket,
                .containerFoundationdbInboundRequestsDurationSecondsTotalSum, .containerFoundationdbInboundRequestsDurationSecondsTotalCount)
        case .rabbitmq, .nats: nil
        }
    }
}
