/// Which destinations of outbound connections get series of their own, as coroot-node-agent decides it.
public struct ConnectionFilter: Sendable {
    private let ephemeral: PortRanges
    private let tracked: [CIDRBlock]

    /// A service port inside the default ephemeral range that is tracked all the same.
    private static let alwaysTracked: UInt16 = 50051

    /// - Parameters:
    ///   - ephemeral: destination ports that are skipped.
    ///   - tracked: public networks that are kept; private ones always are.
    public init(ephemeral: PortRanges, tracked: [CIDRBlock]) {
        self.ephemeral = ephemeral
        self.tracked = tracked
    }

    public func isEphemeral(_ port: UInt16) -> Bool { port != Self.alwaysTracked && ephemeral.contains(port) }

    /// - Parameter isHostNetwork: whether the socket is in the host's network namespace; loopback means something only
    ///   there.
    public func keeps(_ destination: Endpoint, isHostNetwork: Bool) -> Bool {
        let address = destination.address
        if isEphemeral(destination.port) { return false }
        if address.isLoopback { return isHostNetwork }
        if address.isLinkLocalUnicast { return false }
        if address.isPrivate { return true }
        return tracked.contains { $0.contains(address) }
    }
}
