/// Every metric family of the node agent: the one catalogue. Names and types of `node_*` and `container_*` are those of
/// coroot-node-agent (docs/compatibility.md); `martlet_*` are the agent's own.
public enum MetricFamily: UInt16, CaseIterable, Sendable {
    case nodeAgentInfo
    case up
    case nodeInfo
    case nodeCloudInfo
    case nodeUptimeSeconds
    case nodeResourcesCpuUsageSecondsTotal
    case nodeResourcesCpuLogicalCores
    case nodeResourcesMemoryTotalBytes
    case nodeResourcesMemoryFreeBytes
    case nodeResourcesMemoryAvailableBytes
    case nodeResourcesMemoryCachedBytes
    case nodeResourcesDiskReadsTotal
    case nodeResourcesDiskWritesTotal
    case nodeResourcesDiskReadBytesTotal
    case nodeResourcesDiskWrittenBytesTotal
    case nodeResourcesDiskReadTimeSecondsTotal
    case nodeResourcesDiskWriteTimeSecondsTotal
    case nodeResourcesDiskIoTimeSecondsTotal
    case nodeNetReceivedBytesTotal
    case nodeNetTransmittedBytesTotal
    case nodeNetReceivedPacketsTotal
    case nodeNetTransmittedPacketsTotal
    case nodeNetInterfaceUp
    case nodeNetInterfaceIp
    case nodeGpuInfo
    case nodeResourcesGpuMemoryTotalBytes
    case nodeResourcesGpuMemoryUsedBytes
    case nodeResourcesGpuMemoryUtilizationPercentAvg
    case nodeResourcesGpuMemoryUtilizationPercentPeak
    case nodeResourcesGpuUtilizationPercentAvg
    case nodeResourcesGpuUtilizationPercentPeak
    case nodeResourcesGpuTemperatureCelsius
    case nodeResourcesGpuPowerUsageWatts
    case containerInfo
    case containerRestartsTotal
    case containerResourcesCpuLimitCores
    case containerResourcesCpuUsageSecondsTotal
    case containerResourcesCpuThrottledSecondsTotal
    case containerResourcesMemoryRssBytes
    case containerResourcesMemoryCacheBytes
    case containerResourcesMemoryLimitBytes
    case containerOomKillsTotal
    case containerResourcesCpuPressureWaitingSecondsTotal
    case containerResourcesMemoryPressureWaitingSecondsTotal
    case containerResourcesIoPressureWaitingSecondsTotal
    case containerResourcesGpuUsagePercent
    case containerResourcesGpuMemoryUsagePercent
    case martletContainerGpuMemoryBytes
    case containerResourcesCpuDelaySecondsTotal
    case containerResourcesDiskDelaySecondsTotal
    case containerResourcesDiskSizeBytes
    case containerResourcesDiskUsedBytes
    case containerResourcesDiskReservedBytes
    case containerResourcesDiskReadsTotal
    case containerResourcesDiskWritesTotal
    case containerResourcesDiskReadBytesTotal
    case containerResourcesDiskWrittenBytesTotal
    case containerNetTcpListenInfo
    case containerNetTcpSuccessfulConnectsTotal
    case containerNetTcpConnectionTimeSecondsTotal
    case containerNetTcpFailedConnectsTotal
    case containerNetTcpActiveConnections
    case containerNetTcpRetransmitsTotal
    case containerNetTcpBytesSentTotal
    case containerNetTcpBytesReceivedTotal
    case containerNetLatencySeconds
    case containerHttpRequestsTotal
    case containerHttpRequestsDurationSecondsTotalBucket
    case containerHttpRequestsDurationSecondsTotalSum
    case containerHttpRequestsDurationSecondsTotalCount
    case containerPostgresQueriesTotal
    case containerPostgresQueriesDurationSecondsTotalBucket
    case containerPostgresQueriesDurationSecondsTotalSum
    case containerPostgresQueriesDurationSecondsTotalCount
    case containerRedisQueriesTotal
    case containerRedisQueriesDurationSecondsTotalBucket
    case containerRedisQueriesDurationSecondsTotalSum
    case containerRedisQueriesDurationSecondsTotalCount
    case containerMemcachedQueriesTotal
    case containerMemcachedQueriesDurationSecondsTotalBucket
    case containerMemcachedQueriesDurationSecondsTotalSum
    case containerMemcachedQueriesDurationSecondsTotalCount
    case containerMysqlQueriesTotal
    case containerMysqlQueriesDurationSecondsTotalBucket
    case containerMysqlQueriesDurationSecondsTotalSum
    case containerMysqlQueriesDurationSecondsTotalCount
    case containerMongoQueriesTotal
    case containerMongoQueriesDurationSecondsTotalBucket
    case containerMongoQueriesDurationSecondsTotalSum
    case containerMongoQueriesDurationSecondsTotalCount
    case containerKafkaRequestsTotal
    case containerKafkaRequestsDurationSecondsTotalBucket
    case containerKafkaRequestsDurationSecondsTotalSum
    case containerKafkaRequestsDurationSecondsTotalCount
    case containerCassandraQueriesTotal
    case containerCassandraQueriesDurationSecondsTotalBucket
    case containerCassandraQueriesDurationSecondsTotalSum
    case containerCassandraQueriesDurationSecondsTotalCount
    case containerDubboRequestsTotal
    case containerDubboRequestsDurationSecondsTotalBucket
    case containerDubboRequestsDurationSecondsTotalSum
    case containerDubboRequestsDurationSecondsTotalCount
    case containerClickhouseQueriesTotal
    case containerClickhouseQueriesDurationSecondsTotalBucket
    case containerClickhouseQueriesDurationSecondsTotalSum
    case containerClickhouseQueriesDurationSecondsTotalCount
    case containerZookeeperRequestsTotal
    case containerZookeeperRequestsDurationSecondsTotalBucket
    case containerZookeeperRequestsDurationSecondsTotalSum
    case containerZookeeperRequestsDurationSecondsTotalCount
    case containerFoundationdbRequestsTotal
    case containerFoundationdbRequestsDurationSecondsTotalBucket
    case containerFoundationdbRequestsDurationSecondsTotalSum
    case containerFoundationdbRequestsDurationSecondsTotalCount
    case containerDnsRequestsTotal
    case containerDnsRequestsDurationSecondsTotalBucket
    case containerDnsRequestsDurationSecondsTotalSum
    case containerDnsRequestsDurationSecondsTotalCount
    case containerRabbitmqMessagesTotal
    case containerNatsMessagesTotal
    case containerHttpInboundRequestsTotal
    case containerHttpInboundRequestsDurationSecondsTotalBucket
    case containerHttpInboundRequestsDurationSecondsTotalSum
    case containerHttpInboundRequestsDurationSecondsTotalCount
    case containerPostgresInboundQueriesTotal
    case containerPostgresInboundQueriesDurationSecondsTotalBucket
    case containerPostgresInboundQueriesDurationSecondsTotalSum
    case containerPostgresInboundQueriesDurationSecondsTotalCount
    case containerRedisInboundQueriesTotal
    case containerRedisInboundQueriesDurationSecondsTotalBucket
    case containerRedisInboundQueriesDurationSecondsTotalSum
    case containerRedisInboundQueriesDurationSecondsTotalCount
    case containerMemcachedInboundQueriesTotal
    case containerMemcachedInboundQueriesDurationSecondsTotalBucket
    case containerMemcachedInboundQueriesDurationSecondsTotalSum
    case containerMemcachedInboundQueriesDurationSecondsTotalCount
    case containerMysqlInboundQueriesTotal
    case containerMysqlInboundQueriesDurationSecondsTotalBucket
    case containerMysqlInboundQueriesDurationSecondsTotalSum
    case containerMysqlInboundQueriesDurationSecondsTotalCount
    case containerMongoInboundQueriesTotal
    case containerMongoInboundQueriesDurationSecondsTotalBucket
    case containerMongoInboundQueriesDurationSecondsTotalSum
    case containerMongoInboundQueriesDurationSecondsTotalCount
    case containerKafkaInboundRequestsTotal
    case containerKafkaInboundRequestsDurationSecondsTotalBucket
    case containerKafkaInboundRequestsDurationSecondsTotalSum
    case containerKafkaInboundRequestsDurationSecondsTotalCount
    case containerCassandraInboundQueriesTotal
    case containerCassandraInboundQueriesDurationSecondsTotalBucket
    case containerCassandraInboundQueriesDurationSecondsTotalSum
    case containerCassandraInboundQueriesDurationSecondsTotalCount
    case containerDubboInboundRequestsTotal
    case containerDubboInboundRequestsDurationSecondsTotalBucket
    case containerDubboInboundRequestsDurationSecondsTotalSum
    case containerDubboInboundRequestsDurationSecondsTotalCount
    case containerClickhouseInboundQueriesTotal
    case containerClickhouseInboundQueriesDurationSecondsTotalBucket
    case containerClickhouseInboundQueriesDurationSecondsTotalSum
    case containerClickhouseInboundQueriesDurationSecondsTotalCount
    case containerZookeeperInboundRequestsTotal
    case containerZookeeperInboundRequestsDurationSecondsTotalBucket
    case containerZookeeperInboundRequestsDurationSecondsTotalSum
    case containerZookeeperInboundRequestsDurationSecondsTotalCount
    case containerFoundationdbInboundRequestsTotal
    case containerFoundationdbInboundRequestsDurationSecondsTotalBucket
    case containerFoundationdbInboundRequestsDurationSecondsTotalSum
    case containerFoundationdbInboundRequestsDurationSecondsTotalCount
    case containerDnsInboundRequestsTotal
    case containerDnsInboundRequestsDurationSecondsTotalBucket
    case containerDnsInboundRequestsDurationSecondsTotalSum
    case containerDnsInboundRequestsDurationSecondsTotalCount
    case ipToFqdn
    case martletContainerAcceptedConnectionsTotal
    case martletContainerInboundBytesTotal
    case containerLogMessagesTotal
    case containerApplicationType
    case martletContainerProcesses
    case martletContainerOptedOut
    case martletFeatureEnabled
    case martletConntrackLookupsTotal
    case martletTlsBinaries
    case martletTlsRefusedTotal
    case martletTlsSocketsFollowed
    case martletEventsTotal
    case martletEventsLostTotal
    case martletProgramMissesTotal
    case martletDroppedTotal
    case martletFaultsTotal
    case martletDrainsTotal
    case martletDrainBatchRecords
    case martletDrainCpuSecondsTotal
    case martletScrapeCpuSecondsTotal
    case martletQueueDepth
    case martletContainers
    case martletSeries
    case martletSeriesHeldBack
    case martletContainerSeries
    case martletFamilySeries
    case martletStaleMarkersTotal
    case martletProcessCpuSecondsTotal
    case martletProcessResidentBytes
    case martletProcessOpenDescriptors
    case martletBpfMemoryBytes
    case martletRemoteWriteRequestsTotal
    case martletRemoteWriteSamplesTotal
    case martletRemoteWriteBytesTotal
    case martletPushSnapshotsTotal
    case martletOtlpRequestsTotal
    case martletOtlpItemsTotal
    case martletOtlpBytesTotal
    case martletTracesJoinedTotal
    case martletSpoolRecordsTotal

    /// The name on the page.
    public var name: String { Self.descriptions[Int(rawValue)].name }
    /// One line on what is counted.
    public var help: String { Self.descriptions[Int(rawValue)].help }
    public var type: MetricType { Self.descriptions[Int(rawValue)].type }

    /// Whose series a limit counts them with.
    enum Owner: Sendable {
        /// The node's and the agent's own, which no limit touches.
        case node
        /// Of the container of the label `container_id`.
        case container
        /// Names and addresses, which belong to no container; counted together as if they were one.
        case names
    }

    var owner: Owner { Self.owners[Int(rawValue)] }

    private static let owners: [Owner] = allCases.map { family in
        switch family {
        case .ipToFqdn: .names
        case .martletContainerSeries: .node
        default:
            family.name.hasPrefix("container_") || family.name.hasPrefix("martlet_container_") ? .container : .node
        }
    }

    /// In the order of the cases, which the unit tests check.
    private static let descriptions: [(name: String, type: MetricType, help: String)] = [
        ("node_agent_info", .gauge, "The version of the agent"),
        ("up", .gauge, "Always 1: the agent is running; sent by remote write only"),
        ("node_info", .gauge, "Host name and kernel release of the node"),
        ("node_cloud_info", .gauge, "The cloud instance that the node is; empty labels where nothing is known"),
        ("node_uptime_seconds", .gauge, "Time since the node booted"),
        ("node_resources_cpu_usage_seconds_total", .counter, "CPU time of the node by mode"),
        ("node_resources_cpu_logical_cores", .gauge, "Number of logical CPU cores"),
        ("node_resources_memory_total_bytes", .gauge, "Memory of the node"),
        ("node_resources_memory_free_bytes", .gauge, "Memory that nothing uses"),
        ("node_resources_memory_available_bytes", .gauge, "Memory that can be had without swapping"),
        ("node_resources_memory_cached_bytes", .gauge, "Memory of the page cache"),
        ("node_resources_disk_reads_total", .counter, "Reads completed by the device"),
        ("node_resources_disk_writes_total", .counter, "Writes completed by the device"),
        ("node_resources_disk_read_bytes_total", .counter, "Bytes read from the device"),
        ("node_resources_disk_written_bytes_total", .counter, "Bytes written to the device"),
        ("node_resources_disk_read_time_seconds_total", .counter, "Time spent reading, summed over requests"),
        ("node_resources_disk_write_time_seconds_total", .counter, "Time spent writing, summed over requests"),
        ("node_resources_disk_io_time_seconds_total", .counter, "Time during which the device was busy"),
        ("node_net_received_bytes_total", .counter, "Bytes received by the interface"),
        ("node_net_transmitted_bytes_total", .counter, "Bytes sent by the interface"),
        ("node_net_received_packets_total", .counter, "Packets received by the interface"),
        ("node_net_transmitted_packets_total", .counter, "Packets sent by the interface"),
        ("node_net_interface_up", .gauge, "1 if the interface's operational state is up"),
        ("node_net_interface_ip", .gauge, "Addresses of the interface"),
        ("node_gpu_info", .gauge, "Name of the GPU and version of its driver"),
        ("node_resources_gpu_memory_total_bytes", .gauge, "Memory of the GPU"),
        ("node_resources_gpu_memory_used_bytes", .gauge, "Memory of the GPU that is in use"),
        (
            "node_resources_gpu_memory_utilization_percent_avg", .gauge,
            "Time in which the GPU's memory was read or written, mean of the last 15 seconds"
        ),
        (
            "node_resources_gpu_memory_utilization_percent_peak", .gauge,
            "Time in which the GPU's memory was read or written, maximum of the last 15 seconds"
        ),
        (
            "node_resources_gpu_utilization_percent_avg", .gauge,
            "Time in which the GPU was busy, mean of the last 15 seconds"
        ),
        (
            "node_resources_gpu_utilization_percent_peak", .gauge,
            "Time in which the GPU was busy, maximum of the last 15 seconds"
        ),
        ("node_resources_gpu_temperature_celsius", .gauge, "Temperature of the GPU"),
        ("node_resources_gpu_power_usage_watts", .gauge, "Power that the GPU draws"),
        ("container_info", .gauge, "Image and systemd properties of the container"),
        ("container_restarts_total", .counter, "Number of times the container was restarted"),
        ("container_resources_cpu_limit_cores", .gauge, "CPU limit of the container"),
        ("container_resources_cpu_usage_seconds_total", .counter, "CPU time used by the container"),
        ("container_resources_cpu_throttled_seconds_total", .counter, "Time during which the container was throttled"),
        ("container_resources_memory_rss_bytes", .gauge, "Anonymous and mapped memory of the container"),
        ("container_resources_memory_cache_bytes", .gauge, "Page cache of the container"),
        ("container_resources_memory_limit_bytes", .gauge, "Memory limit of the container"),
        ("container_oom_kills_total", .counter, "Processes of the container ended by the OOM killer"),
        (
            "container_resources_cpu_pressure_waiting_seconds_total", .counter,
            "Time that tasks of the container waited for CPU (PSI)"
        ),
        (
            "container_resources_memory_pressure_waiting_seconds_total", .counter,
            "Time that tasks of the container waited for memory (PSI)"
        ),
        (
            "container_resources_io_pressure_waiting_seconds_total", .counter,
            "Time that tasks of the container waited for I/O (PSI)"
        ),
        (
            "container_resources_gpu_usage_percent", .gauge,
            "Share of the GPU's multiprocessors that the container used, over 15 seconds"
        ),
        (
            "container_resources_gpu_memory_usage_percent", .gauge,
            "Share of the GPU's memory bandwidth that the container used, over 15 seconds"
        ),
        ("martlet_container_gpu_memory_bytes", .gauge, "Memory of the GPU that the container's processes hold"),
        (
            "container_resources_cpu_delay_seconds_total", .counter,
            "Time that processes of the container were ready to run and waited for a CPU"
        ),
        (
            "container_resources_disk_delay_seconds_total", .counter,
            "Time that processes of the container waited for block I/O"
        ),
        ("container_resources_disk_size_bytes", .gauge, "Size of a file system to which the container writes"),
        ("container_resources_disk_used_bytes", .gauge, "Used space of a file system to which the container writes"),
        (
            "container_resources_disk_reserved_bytes", .gauge,
            "Space that only privileged processes can use, of a file system to which the container writes"
        ),
        ("container_resources_disk_reads_total", .counter, "Reads of the container from the device"),
        ("container_resources_disk_writes_total", .counter, "Writes of the container to the device"),
        ("container_resources_disk_read_bytes_total", .counter, "Bytes that the container read from the device"),
        ("container_resources_disk_written_bytes_total", .counter, "Bytes that the container wrote to the device"),
        (
            "container_net_tcp_listen_info", .gauge,
            "TCP addresses on which the container listens; 0 after the socket was closed"
        ),
        ("container_net_tcp_successful_connects_total", .counter, "Outbound TCP connections that were established"),
        (
            "container_net_tcp_connection_time_seconds_total", .counter,
            "Time spent on establishing outbound TCP connections"
        ),
        ("container_net_tcp_failed_connects_total", .counter, "Outbound TCP connection attempts that failed"),
        ("container_net_tcp_active_connections", .gauge, "Outbound TCP connections that are open"),
        ("container_net_tcp_retransmits_total", .counter, "TCP segments sent again on outbound connections"),
        ("container_net_tcp_bytes_sent_total", .counter, "Bytes sent on outbound TCP connections"),
        ("container_net_tcp_bytes_received_total", .counter, "Bytes received on outbound TCP connections"),
        (
            "container_net_latency_seconds", .gauge,
            "Round-trip time to an address that the container connects to: of an echo, or of its TCP connections"
        ),
        ("container_http_requests_total", .counter, "HTTP requests that the container made"),
        (
            "container_http_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: HTTP requests that the container made"
        ),
        (
            "container_http_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: HTTP requests that the container made"
        ),
        (
            "container_http_requests_duration_seconds_total_count", .counter,
            "Number of these times: HTTP requests that the container made"
        ),
        ("container_postgres_queries_total", .counter, "PostgreSQL queries that the container made"),
        (
            "container_postgres_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: PostgreSQL queries that the container made"
        ),
        (
            "container_postgres_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: PostgreSQL queries that the container made"
        ),
        (
            "container_postgres_queries_duration_seconds_total_count", .counter,
            "Number of these times: PostgreSQL queries that the container made"
        ),
        ("container_redis_queries_total", .counter, "Redis commands that the container made"),
        (
            "container_redis_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Redis commands that the container made"
        ),
        (
            "container_redis_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Redis commands that the container made"
        ),
        (
            "container_redis_queries_duration_seconds_total_count", .counter,
            "Number of these times: Redis commands that the container made"
        ),
        ("container_memcached_queries_total", .counter, "Memcached commands that the container made"),
        (
            "container_memcached_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Memcached commands that the container made"
        ),
        (
            "container_memcached_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Memcached commands that the container made"
        ),
        (
            "container_memcached_queries_duration_seconds_total_count", .counter,
            "Number of these times: Memcached commands that the container made"
        ),
        ("container_mysql_queries_total", .counter, "MySQL queries that the container made"),
        (
            "container_mysql_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: MySQL queries that the container made"
        ),
        (
            "container_mysql_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: MySQL queries that the container made"
        ),
        (
            "container_mysql_queries_duration_seconds_total_count", .counter,
            "Number of these times: MySQL queries that the container made"
        ),
        ("container_mongo_queries_total", .counter, "MongoDB commands that the container made"),
        (
            "container_mongo_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: MongoDB commands that the container made"
        ),
        (
            "container_mongo_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: MongoDB commands that the container made"
        ),
        (
            "container_mongo_queries_duration_seconds_total_count", .counter,
            "Number of these times: MongoDB commands that the container made"
        ),
        ("container_kafka_requests_total", .counter, "Kafka requests that the container made"),
        (
            "container_kafka_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Kafka requests that the container made"
        ),
        (
            "container_kafka_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: Kafka requests that the container made"
        ),
        (
            "container_kafka_requests_duration_seconds_total_count", .counter,
            "Number of these times: Kafka requests that the container made"
        ),
        ("container_cassandra_queries_total", .counter, "Cassandra queries that the container made"),
        (
            "container_cassandra_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Cassandra queries that the container made"
        ),
        (
            "container_cassandra_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Cassandra queries that the container made"
        ),
        (
            "container_cassandra_queries_duration_seconds_total_count", .counter,
            "Number of these times: Cassandra queries that the container made"
        ),
        ("container_dubbo_requests_total", .counter, "Dubbo requests that the container made"),
        (
            "container_dubbo_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Dubbo requests that the container made"
        ),
        (
            "container_dubbo_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: Dubbo requests that the container made"
        ),
        (
            "container_dubbo_requests_duration_seconds_total_count", .counter,
            "Number of these times: Dubbo requests that the container made"
        ),
        ("container_clickhouse_queries_total", .counter, "ClickHouse queries that the container made"),
        (
            "container_clickhouse_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: ClickHouse queries that the container made"
        ),
        (
            "container_clickhouse_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: ClickHouse queries that the container made"
        ),
        (
            "container_clickhouse_queries_duration_seconds_total_count", .counter,
            "Number of these times: ClickHouse queries that the container made"
        ),
        ("container_zookeeper_requests_total", .counter, "ZooKeeper requests that the container made"),
        (
            "container_zookeeper_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: ZooKeeper requests that the container made"
        ),
        (
            "container_zookeeper_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: ZooKeeper requests that the container made"
        ),
        (
            "container_zookeeper_requests_duration_seconds_total_count", .counter,
            "Number of these times: ZooKeeper requests that the container made"
        ),
        ("container_foundationdb_requests_total", .counter, "FoundationDB requests that the container made"),
        (
            "container_foundationdb_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: FoundationDB requests that the container made"
        ),
        (
            "container_foundationdb_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: FoundationDB requests that the container made"
        ),
        (
            "container_foundationdb_requests_duration_seconds_total_count", .counter,
            "Number of these times: FoundationDB requests that the container made"
        ),
        ("container_dns_requests_total", .counter, "DNS requests that the container made"),
        (
            "container_dns_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: DNS requests that the container made"
        ),
        (
            "container_dns_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: DNS requests that the container made"
        ),
        (
            "container_dns_requests_duration_seconds_total_count", .counter,
            "Number of these times: DNS requests that the container made"
        ),
        ("container_rabbitmq_messages_total", .counter, "Messages that the container gave to RabbitMQ or got from it"),
        ("container_nats_messages_total", .counter, "Messages that the container gave to NATS or got from it"),
        ("container_http_inbound_requests_total", .counter, "HTTP requests that the container was asked"),
        (
            "container_http_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: HTTP requests that the container was asked"
        ),
        (
            "container_http_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: HTTP requests that the container was asked"
        ),
        (
            "container_http_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: HTTP requests that the container was asked"
        ),
        ("container_postgres_inbound_queries_total", .counter, "PostgreSQL queries that the container was asked"),
        (
            "container_postgres_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: PostgreSQL queries that the container was asked"
        ),
        (
            "container_postgres_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: PostgreSQL queries that the container was asked"
        ),
        (
            "container_postgres_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: PostgreSQL queries that the container was asked"
        ),
        ("container_redis_inbound_queries_total", .counter, "Redis commands that the container was asked"),
        (
            "container_redis_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Redis commands that the container was asked"
        ),
        (
            "container_redis_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Redis commands that the container was asked"
        ),
        (
            "container_redis_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: Redis commands that the container was asked"
        ),
        ("container_memcached_inbound_queries_total", .counter, "Memcached commands that the container was asked"),
        (
            "container_memcached_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Memcached commands that the container was asked"
        ),
        (
            "container_memcached_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Memcached commands that the container was asked"
        ),
        (
            "container_memcached_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: Memcached commands that the container was asked"
        ),
        ("container_mysql_inbound_queries_total", .counter, "MySQL queries that the container was asked"),
        (
            "container_mysql_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: MySQL queries that the container was asked"
        ),
        (
            "container_mysql_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: MySQL queries that the container was asked"
        ),
        (
            "container_mysql_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: MySQL queries that the container was asked"
        ),
        ("container_mongo_inbound_queries_total", .counter, "MongoDB commands that the container was asked"),
        (
            "container_mongo_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: MongoDB commands that the container was asked"
        ),
        (
            "container_mongo_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: MongoDB commands that the container was asked"
        ),
        (
            "container_mongo_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: MongoDB commands that the container was asked"
        ),
        ("container_kafka_inbound_requests_total", .counter, "Kafka requests that the container was asked"),
        (
            "container_kafka_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Kafka requests that the container was asked"
        ),
        (
            "container_kafka_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: Kafka requests that the container was asked"
        ),
        (
            "container_kafka_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: Kafka requests that the container was asked"
        ),
        ("container_cassandra_inbound_queries_total", .counter, "Cassandra queries that the container was asked"),
        (
            "container_cassandra_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Cassandra queries that the container was asked"
        ),
        (
            "container_cassandra_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: Cassandra queries that the container was asked"
        ),
        (
            "container_cassandra_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: Cassandra queries that the container was asked"
        ),
        ("container_dubbo_inbound_requests_total", .counter, "Dubbo requests that the container was asked"),
        (
            "container_dubbo_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: Dubbo requests that the container was asked"
        ),
        (
            "container_dubbo_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: Dubbo requests that the container was asked"
        ),
        (
            "container_dubbo_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: Dubbo requests that the container was asked"
        ),
        ("container_clickhouse_inbound_queries_total", .counter, "ClickHouse queries that the container was asked"),
        (
            "container_clickhouse_inbound_queries_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: ClickHouse queries that the container was asked"
        ),
        (
            "container_clickhouse_inbound_queries_duration_seconds_total_sum", .counter,
            "Sum of these times: ClickHouse queries that the container was asked"
        ),
        (
            "container_clickhouse_inbound_queries_duration_seconds_total_count", .counter,
            "Number of these times: ClickHouse queries that the container was asked"
        ),
        ("container_zookeeper_inbound_requests_total", .counter, "ZooKeeper requests that the container was asked"),
        (
            "container_zookeeper_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: ZooKeeper requests that the container was asked"
        ),
        (
            "container_zookeeper_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: ZooKeeper requests that the container was asked"
        ),
        (
            "container_zookeeper_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: ZooKeeper requests that the container was asked"
        ),
        (
            "container_foundationdb_inbound_requests_total", .counter,
            "FoundationDB requests that the container was asked"
        ),
        (
            "container_foundationdb_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: FoundationDB requests that the container was asked"
        ),
        (
            "container_foundationdb_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: FoundationDB requests that the container was asked"
        ),
        (
            "container_foundationdb_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: FoundationDB requests that the container was asked"
        ),
        ("container_dns_inbound_requests_total", .counter, "DNS requests that the container was asked"),
        (
            "container_dns_inbound_requests_duration_seconds_total_bucket", .counter,
            "Time to the first byte of the answer: DNS requests that the container was asked"
        ),
        (
            "container_dns_inbound_requests_duration_seconds_total_sum", .counter,
            "Sum of these times: DNS requests that the container was asked"
        ),
        (
            "container_dns_inbound_requests_duration_seconds_total_count", .counter,
            "Number of these times: DNS requests that the container was asked"
        ),
        ("ip_to_fqdn", .gauge, "Names that addresses were resolved from"),
        (
            "martlet_container_accepted_connections_total", .counter,
            "Inbound TCP connections that the container accepted"
        ),
        ("martlet_container_inbound_bytes_total", .counter, "Bytes on inbound TCP connections by direction"),
        (
            "container_log_messages_total", .counter,
            "Messages in the container's logs by source, level and pattern"
        ),
        (
            "container_application_type", .gauge,
            "What live processes of the container are, by command line and executable"
        ),
        ("martlet_container_processes", .gauge, "Live processes of the container"),
        ("martlet_container_opted_out", .gauge, "Signals that the container's environment asks not to collect"),
        ("martlet_feature_enabled", .gauge, "1 if the kernel and the capabilities allow the feature"),
        (
            "martlet_conntrack_lookups_total", .counter,
            "Translated connections that the kernel announced (event), and connections that were asked for (query)"
        ),
        ("martlet_tls_binaries", .gauge, "Libraries and programs with probes for the plain text of TLS"),
        ("martlet_tls_refused_total", .counter, "Libraries and programs that got no probes for TLS, by reason"),
        (
            "martlet_tls_sockets_followed", .gauge,
            "1 while threads that call TLS libraries are followed to their sockets"
        ),
        ("martlet_events_total", .counter, "Kernel events handled by type"),
        ("martlet_events_lost_total", .counter, "Kernel events lost by ring and reason"),
        (
            "martlet_program_misses_total", .counter,
            "Times a BPF program was passed over because it was running on that CPU already"
        ),
        ("martlet_dropped_total", .counter, "Things given up in user space by reason"),
        ("martlet_faults_total", .counter, "Bad input and failed reads that the agent went on from, by kind"),
        ("martlet_drains_total", .counter, "Times the rings were drained"),
        ("martlet_drain_batch_records", .gauge, "Records in the last drain and in the largest one"),
        ("martlet_drain_cpu_seconds_total", .counter, "CPU time spent on draining rings"),
        (
            "martlet_scrape_cpu_seconds_total", .counter,
            "CPU time spent on gathering series for the page and for remote write"
        ),
        ("martlet_queue_depth", .gauge, "Entries that wait in an internal queue"),
        ("martlet_containers", .gauge, "Containers known to the agent by state"),
        ("martlet_series", .gauge, "Series that are shown and pushed"),
        ("martlet_series_held_back", .gauge, "Series that are not shown because of a limit, by limit"),
        ("martlet_container_series", .gauge, "Series of the containers that have most"),
        ("martlet_family_series", .gauge, "Series of the metrics that have most"),
        ("martlet_stale_markers_total", .counter, "Signs to the receiver that a series has ended"),
        ("martlet_process_cpu_seconds_total", .counter, "CPU time of the agent by mode"),
        ("martlet_process_resident_bytes", .gauge, "Resident memory of the agent"),
        ("martlet_process_open_descriptors", .gauge, "Open file descriptors of the agent"),
        ("martlet_bpf_memory_bytes", .gauge, "Kernel memory of the agent's BPF maps"),
        ("martlet_remote_write_requests_total", .counter, "Requests that push metrics by endpoint and result"),
        ("martlet_remote_write_samples_total", .counter, "Samples by what became of them: sent or dropped"),
        ("martlet_remote_write_bytes_total", .counter, "Bytes of the requests that receivers took"),
        ("martlet_push_snapshots_total", .counter, "Snapshots that were taken to be pushed before this one"),
        ("martlet_otlp_requests_total", .counter, "Requests that push logs or traces by signal, endpoint and result"),
        ("martlet_otlp_items_total", .counter, "Log records and spans by what became of them: sent or dropped"),
        ("martlet_otlp_bytes_total", .counter, "Bytes of the requests with logs or traces that receivers took"),
        ("martlet_traces_joined_total", .counter, "Requests whose two sides, both on the node, are in one trace"),
        ("martlet_spool_records_total", .counter, "Requests that waited on disk, by what became of them"),
    ]
}
