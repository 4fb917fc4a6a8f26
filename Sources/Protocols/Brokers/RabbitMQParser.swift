/// AMQP 0-9-1.
final class RabbitMQParser: ProtocolParser {
}
