/// ZooKeeper's client protocol.
final class ZooKeeperParser: ProtocolParser {
}
