public import CEvents
internal import Host
internal import Metrics
internal import Network
public import Protocols
public import Traces

extension Container {
    /// Where requests on a connection are counted; nil if the container does not know it.
    public func requestTarget(of connection: UInt64) -> RequestTarget? {
        if let successor { return successor.assumeIsolated { $0.requestTarget(of: connection) } }
        return connections[connection].map {
            RequestTarget(
                container: self, isInbound: $0.isInbound, destination: $0.destination, local: $0.local,
                remote: $0.remote, netns: $0.netns)
        }
    }

    /// Whether it is known who the container is, or that it is not to be reported.
    public var isDecided: Bool {
        if let successor { return successor.assumeIsolated { $0.isDecided } }
        return resource != nil || isLeftOut
    }

    /// The resource of the container's spans; nil until it is known who it is, or if it wants no traces.
    public var traceResource: ResourceFacts? {
        if let successor { return successor.assumeIsolated { $0.traceResource } }
        return optOut.contains(.traces) ? nil : resource
    }

    /// The connection of a request, for its span.
    public func peer(_ target: RequestTarget, connection: UInt64, isTLS: Bool) -> RequestPeer {
        var destination = RequestPeer.Destination.endpoint(target.remote)
        var actual: Endpoint?
        if let key = target.destination?.key {
            if key.name != 0 {
                destination = .name(context.names.text(key.name), port: key.destination.port)
            } else {
                (destination, actual) = (.endpoint(key.destination), key.actual)
            }
        }
        return RequestPeer(
            isInbound: target.isInbound, isTLS: isTLS, destination: destination, actual: actual, local: target.local,
            connection: connection, netns: target.netns)
    }

    /// Counts one request of a connection.
    public func count(_ exchange: Exchange, _ text: borrowing RequestText, of target: RequestTarget) {
        if let destination = target.destination {
            if exchange.applicationProtocol == .dns {
                countDNS(exchange, text)
            } else {
                current(destination).requests.of(exchange.applicationProtocol, isInbound: false).count(exchange)
            }
        } else if target.isInbound {
            countInbound(exchange)
        }
    }

    /// Counts what the kernel counted of a connection.
    public func count(_ row: martlet_http_counts, of target: RequestTarget) {
        guard let spoken = ApplicationProtocol(counted: row.counted) else { return }
        if let destination = target.destination {
            current(destination).requests.of(spoken, isInbound: false).count(row)
        } else if target.isInbound {
            if let successor { return successor.assumeIsolated { $0.count(row, of: target) } }
            inboundRequests.of(spoken, isInbound: true).count(row)
        }
    }

    /// Counts a DNS request by datagram.
    public func count(_ exchange: Exchange, _ text: borrowing RequestText, isInbound: Bool) {
        if isInbound { countInbound(exchange) } else { countDNS(exchange, text) }
    }

    private func countInbound(_ exchange: Exchange) {
        if let successor { return successor.assumeIsolated { $0.countInbound(exchange) } }
        inboundRequests.of(exchange.applicationProtocol, isInbound: true).count(exchange)
    }

    private func countDNS(_ exchange: Exchange, _ text: borrowing RequestText) {
        guard let type = text.string(.operation), let name = text.string(.target) else { return }
        let addresses = Self.addresses(text)
        // Both families are asked for of every name; that a name has no address of one is no news.
        if type == "TypeAAAA", exchange.status == .dns(0), addresses.isEmpty { return }
        recordDNS(exchange, type: type, name: name)
        if !addresses.isEmpty { context.names.record(name, addresses: addresses, now: exchange.end) }
    }

    private func recordDNS(_ exchange: Exchange, type: String, name: String) {
        if let successor { return successor.assumeIsolated { $0.recordDNS(exchange, type: type, name: name) } }
        var counters = dnsRequests ?? DNSCounters(maximumNames: context.maximumNames)
        dnsRequests = nil
        counters.count(exchange, type: type, name: name)
        dnsRequests = counters
    }

    private static func addresses(_ text: borrowing RequestText) -> [IPAddress] {
        var found: [IPAddress] = []
        for index in 0..<text.count where text[index].kind == .address {
            let address = text.withBytes(text[index]) { bytes in
                IPAddress(bytes)
            }
            if let address { found.append(address) }
        }
        return found
    }

    /// The entry that counts now: a container that turned out to be another one handed its destinations over.
    private func current(_ destination: TCPDestination) -> TCPDestination { destination.successor ?? destination }

    func emitRequests(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        inboundRequests.emit(into: &snapshot, labels)
        if var counters = dnsRequests {
            dnsRequests = nil
            counters.emit(into: &snapshot, labels)
            dnsRequests = counters
        }
    }
}
