/// FoundationDB's transport.
final class FoundationDBParser: ProtocolParser {
}
