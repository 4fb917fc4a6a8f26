/// Kafka protocol.
final class KafkaParser: ProtocolParser {
}
