/// Memcached, text protocol.
final class MemcachedParser: ProtocolParser {
}
