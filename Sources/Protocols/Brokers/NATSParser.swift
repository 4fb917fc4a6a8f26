/// NATS client protocol.
final class NATSParser: ProtocolParser {
}
