internal import Network

/// What the series of outbound connections are told apart by: where a container wanted to go and where it went.
///
/// A destination that its name stands for has no addresses: the name's number, and the port.
struct DestinationKey: Hashable {
    let destination: Endpoint
    /// `destination` itself where nothing translates it, and for failed connects.
    let actual: Endpoint
    /// Of `DomainNames`; 0 where the addresses count.
    let name: UInt32

    init(destination: Endpoint, actual: Endpoint, name: UInt32 = 0) {
        self.destination = destination
        self.actual = actual
        self.name = name
    }

    /// Most destinations are not translated: then the second half says nothing.
    func hash(into hasher: inout Hasher) {
        hasher.combine(destination)
        if name != 0 { hasher.combine(name) }
        if actual != destination { hasher.combine(actual) }
    }
}
