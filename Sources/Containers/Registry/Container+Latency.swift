public import CEvents
internal import Host
internal import Metrics
internal import Network

extension Container {
    /// The addresses that the container connects to, or tried to, as far as an echo request can be sent there.
    var upstreams: [IPAddress] {
        var found = Set<IPAddress>()
        for destination in destinations.values {
            guard let address = destination.upstream, found.count < EchoRound.maximumAddresses else { continue }
            if address.isLoopback || address.isUnspecified || address.isMulticast { continue }
            found.insert(address)
        }
        return Array(found)
    }

    /// Takes over one round of echoes; returns whether some address has to be measured by its connections.
    func update(_ round: [IPAddress: EchoRound.Outcome]) -> Bool {
        var next: [IPAddress: Latency] = [:]
        var needsConnections = false
        for (address, outcome) in round {
            var latency = latencies[address] ?? Latency()
            latency.connections = nil
            switch outcome {
            case .answered(let nanoseconds):
                latency.echo = Double(nanoseconds) / 1e9
                latency.unanswered = 0
            case .silent:
                latency.echo = nil
                latency.unanswered += 1
            case .impossible:
                latency.echo = nil
                latency.unanswered = max(latency.unanswered + 1, Latency.patience)
            }
            needsConnections = needsConnections || latency.needsConnections
            next[address] = latency
        }
        latencies = next
        return needsConnections
    }

    /// What TCP measured of one of the container's connections.
    public func roundTrip(_ row: martlet_tcp_round_trip) {
        if let successor {
            successor.assumeIsolated { $0.roundTrip(row) }
            return
        }
        guard let address = connections[row.id]?.destination?.upstream, var latency = latencies[address],
            latency.needsConnections
        else { return }
        let seconds = Double(row.smoothed_us) / 1e6
        latency.connections = min(latency.connections ?? seconds, seconds)
        latencies[address] = latency
    }

    func emitLatencies(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        for (address, latency) in latencies {
            guard let value = latency.value else { continue }
            let set = latency.labels ?? labels.adding([("destination_ip", address.description)])
            latencies[address]?.labels = set
            snapshot.add(.containerNetLatencySeconds, set, value)
        }
    }
}
