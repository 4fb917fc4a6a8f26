internal import CLinux
internal import Glibc
public import Linux

/// Network namespaces of processes.
public enum NetworkNamespace {
    /// An address of an interface of a network namespace.
    public struct LocalAddress: Hashable, Sendable {
        public let address: IPAddress
        public let isLoopback: Bool
        /// The network that the address is in.
        public let network: CIDRBlock

        public init(address: IPAddress, isLoopback: Bool, prefixLength: Int = 128) {
            self.address = address
            self.isLoopback = isLoopback
            network = CIDRBlock(around: address, length: prefixLength)
        }
    }

    /// The inode number that names the network namespace of `pid`. Throws `EACCES` where the agent may not trace the
    /// process (ptrace(2)) and `ENOENT` once it has ended.
    public static func inode(pid: Int32) throws(Errno) -> UInt64 {
        try Namespace.network.inode(of: String(pid))
    }

    /// Opens the network namespace of `pid`; the descriptor keeps it alive. Throws as `inode(pid:)` does.
    public static func descriptor(pid: Int32) throws(Errno) -> FileDescriptor {
        try FileDescriptor.open("/proc/\(pid)/ns/net")
    }

    /// The inode number that names an opened namespace.
    public static func inode(of namespace: borrowing FileDescriptor) throws(Errno) -> UInt64 {
        var status = stat()
        guard fstat(namespace.raw, &status) == 0 else { throw Errno.last }
        return UInt64(status.st_ino)
    }

    /// Moves the calling thread into an opened namespace. Only for a thread that ends soon and runs nobody else's code:
    /// whatever it does from then on happens in there.
    public static func enter(_ namespace: borrowing FileDescriptor) throws(Errno) {
        guard martlet_setns(namespace.raw, Namespace.network.kind) == 0 else { throw Errno.last }
    }

    /// Runs `body` inside the network namespace of `pid` and returns when it is done: at once where the caller is in that
    /// namespace already, otherwise on a thread of its own that ends with it, so that no other thread ever changes its
    /// namespace. `body` must not rely on the calling thread or actor. Throws what setns(2) or `body` throws.
    public static func run<Success: ~Copyable>(
        inNetworkNamespaceOf pid: Int32, _ body: () throws(Errno) -> Success
    ) throws(Errno) -> Success {
        try Namespace.network.run(of: pid, body)
    }

    /// The addresses of the interfaces in the network namespace of `pid`, without interfaces that are down and without
    /// link-local and multicast addresses: what a socket bound to any address is reached at.
    public static func localAddresses(pid: Int32) throws(Errno) -> [LocalAddress] {
        var socket = try run(inNetworkNamespaceOf: pid) { () throws(Errno) in try RouteSocket() }
        let down = Set(try socket.links().lazy.filter(\.isDown).map(\.index))
        return try socket.addresses().compactMap { entry in
            let address = entry.address
            if down.contains(entry.linkIndex) || address.isLinkLocalUnicast || address.isMulticast { return nil }
            return LocalAddress(
                address: address, isLoopback: address.isLoopback, prefixLength: entry.prefixLength)
        }
    }
}
