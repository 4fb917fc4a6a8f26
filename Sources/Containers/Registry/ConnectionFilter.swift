internal import Glibc
public import Host
internal import Linux
public import Network

/// Which destinations of outbound connections get series of their own, as coroot-node-agent decides it.
///
/// Invariant: used on the events lane only, from which its networks change; all tables are bounded.
public final class ConnectionFilter: @unchecked Sendable {
    // Sendable because of the invariant: the containers of one lane share it.

    private let ephemeral: PortRanges
    private let tracked: PrefixTable
    /// Public networks of the node's own interfaces.
    private var nodeNetworks = PrefixTable()
    /// Public addresses behind which something kept was found: load balancers that NAT to this node's cluster.
    private var learned = AgingTable<IPAddress, Bool>(capacity: maximumLearned, lifetime: learnedLifetime)

    /// A service port inside the default ephemeral range that is tracked all the same.
    private static let alwaysTracked: UInt16 = 50051
    private static let maximumLearned = 2048
    /// Used ones stay.
    private static let learnedLifetime: UInt64 = 3_600_000_000_000

    /// - Parameters:
    ///   - ephemeral: destination ports that are skipped.
    ///   - tracked: public networks that are kept; private ones always are.
    public init(ephemeral: PortRanges, tracked: [CIDRBlock]) {
        self.ephemeral = ephemeral
        self.tracked = PrefixTable(tracked)
    }

    public func isEphemeral(_ port: UInt16) -> Bool { port != Self.alwaysTracked && ephemeral.contains(port) }

    /// The networks of the node's own interfaces; the public ones among them are kept.
    public func setNodeNetworks(_ networks: some Sequence<CIDRBlock>) {
        nodeNetworks = PrefixTable(networks.filter { $0.length > 0 && $0.prefix.isExternal })
    }

    /// - Parameters:
    ///   - actual: where the connection goes behind NAT; `destination` itself without.
    ///   - isHostNetwork: whether the socket is in the host's network namespace; loopback means something only there.
    public func keeps(_ destination: Endpoint, actual: Endpoint, isHostNetwork: Bool) -> Bool {
        let address = destination.address
        if isEphemeral(destination.port) { return false }
        if !isHostNetwork, address.isLoopback || actual.address.isLoopback { return false }
        if address.isLinkLocalUnicast { return false }
        if address.isPrivate || address.isLoopback || isListed(address) { return true }
        guard actual != destination else { return false }
        let behind = actual.address
        guard behind.isPrivate || behind.isLoopback || isListed(behind) else { return false }
        learned.insert(true, for: address, now: MonotonicClock.now())
        return true
    }

    public func keeps(_ destination: Endpoint, isHostNetwork: Bool) -> Bool {
        keeps(destination, actual: destination, isHostNetwork: isHostNetwork)
    }

    private func isListed(_ address: IPAddress) -> Bool {
        if tracked.contains(address) || nodeNetworks.contains(address) { return true }
        return !learned.isEmpty && learned.use(address, now: MonotonicClock.now()) != nil
    }
}
