/// MongoDB wire protocol.
final class MongoParser: ProtocolParser {
}
