internal import Metrics
internal import Network
internal import Protocols

/// DNS requests that a container made, by type, name and status.
///
/// Invariant: no more names than the quota; the rest are counted together.
struct DNSCounters {
    private struct Key: Hashable {
        let type: String
        let domain: String
        let status: String
    }

    private struct Entry {
        var count: UInt64 = 0
        var labels: LabelSet?
    }

    private var quota: NameQuota
    private var entries: [Key: Entry] = [:]
    private var latencies = LatencyHistogram()

    init(maximumNames: Int) { quota = NameQuota(limit: maximumNames) }

    mutating func count(_ exchange: Exchange, type: String, name: String) {
        guard let status = exchange.status.label(for: .dns, isInbound: false) else { return }
        let key = Key(type: type, domain: quota.admit(DomainName.normalised(name)), status: "\(status)")
        entries[key, default: Entry()].count &+= 1
        if exchange.status != .unanswered, exchange.duration > 0 { latencies.add(exchange.duration) }
    }

    mutating func add(_ other: DNSCounters) {
        for (key, entry) in other.entries {
            let key = Key(type: key.type, domain: quota.admit(key.domain), status: key.status)
            entries[key, default: Entry()].count &+= entry.count
        }
        latencies.add(other.latencies)
    }

    mutating func forgetLabels() {
        for key in entries.keys { entries[key]?.labels = nil }
        latencies.forgetLabels()
    }

    mutating func emit(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        guard let families = RequestFamilies.of(.dns, isInbound: false), let histogram = families.histogram else {
            return
        }
        for (key, entry) in entries {
            let set =
                entry.labels
                ?? labels.adding([("request_type", key.type), ("domain", key.domain), ("status", key.status)])
            entries[key]?.labels = set
            snapshot.add(families.counter, set, Double(entry.count))
        }
        latencies.emit(into: &snapshot, histogram, labels)
    }
}
