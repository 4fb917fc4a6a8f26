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
    /// have spoken and it is the only one that both fit; that is not enough if `isCertain` is asked for.
    static func judge(
        client: [UInt8], _ clientLength: Int, server: [UInt8], _ serverLength: Int, isCertain: Bool = false
    ) -> Judgement {
        var fitting: [ApplicationProtocol] = []
        var isOpen = false
        for applicationProtocol in ApplicationProtocol.allCases {
            let parser = parser(of: applicationProtocol)
            let asked = likeness(parser, client, clientLength, .client)
            if asked == .no { continue }
            let answered = likeness(parser, server, serverLength, .server)
            if answered == .no { continue }
            if asked == .certain || answered == .certain { return .found(applicationProtocol) }
            isOpen = true
            if asked == .maybe, answered == .maybe { fitting.append(applicationProtocol) }
        }
        if let first = fitting.first, fitting.count == 1, !isCertain { return .found(first) }
        return isOpen ? .open : .nothing
    }

    private static func likeness(_ parser: ProtocolParser.Type, _ bytes: [UInt8], _ length: Int, _ side: Side)
        -> Likeness
    {
        // A side that has not spoken yet speaks against nothing.
        if bytes.isEmpty { return .partial }
        return bytes.withUnsafeBytes { parser.likeness(RawSpan(_unsafeBytes: $0), length: length, from: side) }
    }
}
