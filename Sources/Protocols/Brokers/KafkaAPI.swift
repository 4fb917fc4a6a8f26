/// The requests of the Kafka protocol and where their answers say whether they failed (Apache Kafka, "A Guide To The Kafka
/// Protocol" and the message definitions of version 4.1).
struct KafkaAPI {
    /// Where the first error code is in the body of an answer, after the time of throttling.
    enum ErrorPlace: UInt8 {
        /// It is not known.
        case unknown
        case first
        /// In each element of an array.
        case elements
        /// In each element of an array, after a name.
        case named
        /// In each partition of each topic, after its number.
        case partitions
        case produce
        case fetch
        case metadata
        case offsetFetch
        case findCoordinator
        case addPartitions
    }

    let name: StaticString
    /// The newest version that this table knows.
    let newest: Int16
    /// The first version with compact strings and tagged fields; `.max` if there is none.
    let flexible: Int16
    /// The first version whose answer begins with the time of throttling; `.max` if there is none.
    let throttled: Int16
    let place: ErrorPlace

    private init(
        _ name: StaticString, _ newest: Int16, flexible: Int16 = .max, throttled: Int16 = 0,
        _ place: ErrorPlace = .unknown
    ) {
        self.name = name
        self.newest = newest
        self.flexible = flexible
        self.throttled = throttled
        self.place = place
    }

    /// Keys and versions beyond these are no request of today's Kafka or of what comes soon.
    static let highestKey: Int16 = 99
    static let highestVersion: Int16 = 24

    static let produce: Int16 = 0
    static let fetch: Int16 = 1
    static let apiVersions: Int16 = 18

    static func named(_ key: Int16) -> KafkaAPI? { key >= 0 && key < Int16(all.count) ? all[Int(key)] : nil }

    /// By key.
    private static let all: [KafkaAPI] = [
        KafkaAPI("Produce", 13, flexible: 9, throttled: .max, .produce),
        KafkaAPI("Fetch", 18, flexible: 12, throttled: 1, .fetch),
        KafkaAPI("ListOffsets", 11, flexible: 6, throttled: 2, .partitions),
        KafkaAPI("Metadata", 13, flexible: 9, throttled: 3, .metadata),
        KafkaAPI("LeaderAndIsr", 7, flexible: 4, throttled: .max, .first),
        KafkaAPI("StopReplica", 4, flexible: 2, throttled: .max, .first),
        KafkaAPI("UpdateMetadata", 8, flexible: 6, throttled: .max, .first),
        KafkaAPI("ControlledShutdown", 3, flexible: 3, throttled: .max, .first),
        KafkaAPI("OffsetCommit", 10, flexible: 8, throttled: 3, .partitions),
        KafkaAPI("OffsetFetch", 10, flexible: 6, throttled: 3, .offsetFetch),
        KafkaAPI("FindCoordinator", 6, flexible: 3, throttled: 1, .findCoordinator),
        KafkaAPI("JoinGroup", 9, flexible: 6, throttled: 2, .first),
        KafkaAPI("Heartbeat", 4, flexible: 4, throttled: 1, .first),
        KafkaAPI("LeaveGroup", 5, flexible: 4, throttled: 1, .first),
        KafkaAPI("SyncGroup", 5, flexible: 4, throttled: 1, .first),
        KafkaAPI("DescribeGroups", 6, flexible: 5, throttled: 1, .elements),
        KafkaAPI("ListGroups", 5, flexible: 3, throttled: 1, .first),
        KafkaAPI("SaslHandshake", 1, throttled: .max, .first),
        KafkaAPI("ApiVersions", 4, flexible: 3, throttled: .max, .first),
        KafkaAPI("CreateTopics", 7, flexible: 5, throttled: 2, .named),
        KafkaAPI("DeleteTopics", 6, flexible: 4, throttled: 1, .named),
        KafkaAPI("DeleteRecords", 2, flexible: 2),
        KafkaAPI("InitProducerId", 6, flexible: 2, .first),
        KafkaAPI("OffsetForLeaderEpoch", 4, flexible: 4, throttled: 2),
        KafkaAPI("AddPartitionsToTxn", 5, flexible: 3, .addPartitions),
        KafkaAPI("AddOffsetsToTxn", 4, flexible: 3, .first),
        KafkaAPI("EndTxn", 5, flexible: 3, .first),
        KafkaAPI("WriteTxnMarkers", 2, flexible: 1),
        KafkaAPI("TxnOffsetCommit", 5, flexible: 3, .partitions),
        KafkaAPI("DescribeAcls", 3, flexible: 2, .first),
        KafkaAPI("CreateAcls", 3, flexible: 2, .elements),
        KafkaAPI("DeleteAcls", 3, flexible: 2, .elements),
        KafkaAPI("DescribeConfigs", 4, flexible: 4, .elements),
        KafkaAPI("AlterConfigs", 2, flexible: 2, .elements),
        KafkaAPI("AlterReplicaLogDirs", 2, flexible: 2),
        KafkaAPI("DescribeLogDirs", 4, flexible: 2),
        KafkaAPI("SaslAuthenticate", 2, flexible: 2, throttled: .max, .first),
        KafkaAPI("CreatePartitions", 3, flexible: 2, .named),
        KafkaAPI("CreateDelegationToken", 3, flexible: 2, throttled: .max, .first),
        KafkaAPI("RenewDelegationToken", 2, flexible: 2, throttled: .max, .first),
        KafkaAPI("ExpireDelegationToken", 2, flexible: 2, throttled: .max, .first),
        KafkaAPI("DescribeDelegationToken", 3, flexible: 2, throttled: .max, .first),
        KafkaAPI("DeleteGroups", 2, flexible: 2, .named),
        KafkaAPI("ElectLeaders", 2, flexible: 2),
        KafkaAPI("IncrementalAlterConfigs", 1, flexible: 1, .elements),
        KafkaAPI("AlterPartitionReassignments", 1, flexible: 0),
        KafkaAPI("ListPartitionReassignments", 0, flexible: 0, .first),
        KafkaAPI("OffsetDelete", 0, throttled: .max, .first),
        KafkaAPI("DescribeClientQuotas", 1, flexible: 1, .first),
        KafkaAPI("AlterClientQuotas", 1, flexible: 1, .elements),
        KafkaAPI("DescribeUserScramCredentials", 0, flexible: 0, .first),
        KafkaAPI("AlterUserScramCredentials", 0, flexible: 0),
        KafkaAPI("Vote", 2, flexible: 0, throttled: .max, .first),
        KafkaAPI("BeginQuorumEpoch", 1, flexible: 1, throttled: .max, .first),
        KafkaAPI("EndQuorumEpoch", 1, flexible: 1, throttled: .max, .first),
        KafkaAPI("DescribeQuorum", 2, flexible: 0, throttled: .max, .first),
        KafkaAPI("AlterPartition", 3, flexible: 0, .first),
        KafkaAPI("UpdateFeatures", 2, flexible: 0, .first),
        KafkaAPI("Envelope", 0, flexible: 0),
        KafkaAPI("FetchSnapshot", 1, flexible: 0, .first),
        KafkaAPI("DescribeCluster", 2, flexible: 0, .first),
        KafkaAPI("DescribeProducers", 0, flexible: 0, .partitions),
        KafkaAPI("BrokerRegistration", 4, flexible: 0, .first),
        KafkaAPI("BrokerHeartbeat", 1, flexible: 0, .first),
        KafkaAPI("UnregisterBroker", 0, flexible: 0, .first),
        KafkaAPI("DescribeTransactions", 0, flexible: 0, .elements),
        KafkaAPI("ListTransactions", 2, flexible: 0, .first),
        KafkaAPI("AllocateProducerIds", 0, flexible: 0, .first),
        KafkaAPI("ConsumerGroupHeartbeat", 1, flexible: 0, .first),
        KafkaAPI("ConsumerGroupDescribe", 1, flexible: 0, .elements),
        KafkaAPI("ControllerRegistration", 0, flexible: 0, .first),
        KafkaAPI("GetTelemetrySubscriptions", 0, flexible: 0, .first),
        KafkaAPI("PushTelemetry", 0, flexible: 0, .first),
        KafkaAPI("AssignReplicasToDirs", 0, flexible: 0, .first),
        KafkaAPI("ListConfigResources", 1, flexible: 0, .first),
        KafkaAPI("DescribeTopicPartitions", 0, flexible: 0, .elements),
        KafkaAPI("ShareGroupHeartbeat", 1, flexible: 0, .first),
        KafkaAPI("ShareGroupDescribe", 1, flexible: 0, .elements),
        KafkaAPI("ShareFetch", 1, flexible: 0, .first),
        KafkaAPI("ShareAcknowledge", 1, flexible: 0, .first),
        KafkaAPI("AddRaftVoter", 1, flexible: 0, .first),
        KafkaAPI("RemoveRaftVoter", 0, flexible: 0, .first),
        KafkaAPI("UpdateRaftVoter", 0, flexible: 0, .first),
    ]
}
