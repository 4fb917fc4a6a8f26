/// Tells protocols by how both sides of a connection begin.
enum ProtocolDetector {
    enum Judgement: Equatable {
        case found(ApplicationProtocol)
        /// Something fits so far, and nothing is certain.
        case open
        case nothing
    }

    static func parser(of applicationProtocol: ApplicationProtocol) -> ProtocolParser.Type {
        switch applicationProtocol {
        case .http1: HTTP1Parser.self
        case .http2: HTTP2Parser.self
        case .postgres: PostgresParser.self
        case .mysql: MySQLParser.self
        case .redis: RedisParser.self
        case .memcached: MemcachedParser.self
        case .mongo: MongoParser.self
        case .kafka: KafkaParser.self
        case .cassandra: CassandraParser.self
        case .rabbitmq: RabbitMQParser.self
        case .nats: NATSParser.self
        case .dubbo2: Dubbo2Parser.self
        case .dns: DNSParser.self
        case .clickhouse: ClickHouseParser.self
        case .zookeeper: ZooKeeperParser.self
        case .foundationdb: FoundationDBParser.self
        }
    }

    /// A protocol is found if one side's beginning is certain and the other's does not speak against it, or if both sides
    /// have spoken and it is the only one that fits; that is not enough if `isCertain` is asked for.
    static func judge(
        client: [UInt8], _ clientLength: Int, server: [UInt8], _ serverLength: Int, isCertain: Bool = false
    ) -> Judgement {
        var fitting: [ApplicationProtocol] = []
        for applicationProtocol in ApplicationProtocol.allCases {
            let parser = parser(of: applicationProtocol)
            let asked = likeness(parser, client, clientLength, .client)
            if asked == .no { continue }
            let answered = likeness(parser, server, serverLength, .server)
            if answered == .no { continue }
            if asked == .certain || answered == .certain { return .found(applicationProtocol) }
            fitting.append(applicationProtocol)
        }
        guard let first = fitting.first else { return .nothing }
        return fitting.count == 1 && !isCertain && !client.isEmpty && !server.isEmpty ? .found(first) : .open
    }

    private static func likeness(_ parser: ProtocolParser.Type, _ bytes: [UInt8], _ length: Int, _ side: Side)
        -> Likeness
    {
        // A side that has not spoken yet speaks against nothing.
        if bytes.isEmpty { return .maybe }
        return bytes.withUnsafeBytes { parser.likeness(RawSpan(_unsafeBytes: $0), length: length, from: side) }
    }
}
