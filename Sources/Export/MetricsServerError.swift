/// Why the metrics page cannot be served.
public enum MetricsServerError: Error, Equatable, CustomStringConvertible {
    /// Another process, perhaps another agent, listens there.
    case addressInUse(ListenAddress)
    /// Ports below 1024 need CAP_NET_BIND_SERVICE.
    case permissionDenied(ListenAddress)
    case cannotListen(ListenAddress, reason: String)

    public var description: String {
        switch self {
        case .addressInUse(let address):
            "cannot listen on \(address): the address is in use; stop what listens there or choose another with --listen"
        case .permissionDenied(let address):
            "cannot listen on \(address): permission denied; choose a port above 1023 or grant CAP_NET_BIND_SERVICE"
        case .cannotListen(let address, let reason):
            "cannot listen on \(address): \(reason); choose another address with --listen"
        }
    }
}
