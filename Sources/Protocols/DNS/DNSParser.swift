/// DNS over TCP (RFC 1035, RFC 7766).
final class DNSParser: ProtocolParser {
}
