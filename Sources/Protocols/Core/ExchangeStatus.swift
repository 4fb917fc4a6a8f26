/// What became of a request, as the protocol says it.
public enum ExchangeStatus: Equatable, Sendable {
    /// RFC 9110, 100 to 599; 0 where an answer was seen without its status.
    case http(UInt16)
    /// `grpc-status` (grpc.io, "Status codes and their use in gRPC").
    case grpc(UInt8)
    /// RFC 1035 RCODE.
    case dns(UInt8)
    /// Error code of a ZooKeeper reply; 0 is success.
    case zookeeper(Int32)
    case ok
    case failed
    /// An answer that does not say whether it is good.
    case unknown
    /// The connection ended, or ten minutes passed, without an answer.
    case unanswered
}
