/// Redis, RESP2 and RESP3.
final class RedisParser: ProtocolParser {
}
