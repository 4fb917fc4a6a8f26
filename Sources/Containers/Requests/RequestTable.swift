internal import CEvents
internal import Metrics
internal import Protocols

/// Counters by protocol: a connection speaks one, a destination few.
struct RequestTable {
    private var counters: [RequestCounters] = []

    mutating func of(_ applicationProtocol: ApplicationProtocol, isInbound: Bool) -> RequestCounters {
        let family = applicationProtocol == .http2 ? .http1 : applicationProtocol
        for known in counters where known.applicationProtocol == family { return known }
        let made = RequestCounters(family, isInbound: isInbound)
        counters.append(made)
        return made
    }

    mutating func add(_ other: RequestTable) {
        for theirs in other.counters {
            of(theirs.applicationProtocol, isInbound: theirs.isInbound).add(theirs)
        }
    }

    func forgetLabels() { for entry in counters { entry.forgetLabels() } }

    func emit(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        for entry in counters { entry.emit(into: &snapshot, labels) }
    }
}
