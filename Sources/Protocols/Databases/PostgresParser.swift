/// PostgreSQL, frontend/backend protocol 3.
final class PostgresParser: ProtocolParser {
}
