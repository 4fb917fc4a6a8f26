/// MySQL and MariaDB, client/server protocol.
final class MySQLParser: ProtocolParser {
}
