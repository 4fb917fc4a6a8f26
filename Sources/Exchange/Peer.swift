public import Linux

/// Whom a question goes to.
public enum Peer: Sendable {
    /// The socket file `path` below `root`.
    case unix(path: String, root: RootDirectory)
    /// A TCP port of `address`, an IPv4 or IPv6 address in text form. The network namespace is the one in which
    /// `makeSocket` makes the socket.
    case tcp(address: String, port: UInt16, makeSocket: @Sendable (_ family: Int32) throws(Errno) -> FileDescriptor)
}
