/// Cassandra, CQL native protocol v3 to v5.
final class CassandraParser: ProtocolParser {
}
