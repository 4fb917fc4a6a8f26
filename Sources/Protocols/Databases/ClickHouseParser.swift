/// ClickHouse, native protocol.
final class ClickHouseParser: ProtocolParser {
}
