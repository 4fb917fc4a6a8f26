internal import CEvents
internal import Metrics
internal import Protocols

/// Requests of one protocol that a container made to one destination, or was asked.
///
/// An object, so that a connection reaches it without a look-up.
final class RequestCounters: @unchecked Sendable {
    // Sendable because one container owns it and uses it on its lane only; a merge hands it on, on that same lane.

    private struct Entry {
        /// The text of the label, which is one and the same pointer for one text.
        let status: StaticString
        let method: ExchangeMethod
        var count: UInt64 = 0
        var labels: LabelSet?
    }

    let applicationProtocol: ApplicationProtocol
    let isInbound: Bool
    private var entries: [Entry] = []
    private var latencies = LatencyHistogram()

    init(_ applicationProtocol: ApplicationProtocol, isInbound: Bool) {
        // HTTP is one to the metrics, whatever its version.
        self.applicationProtocol = applicationProtocol == .http2 ? .http1 : applicationProtocol
        self.isInbound = isInbound
    }

    func count(_ exchange: Exchange) {
        guard let status = exchange.status.label(for: exchange.applicationProtocol, isInbound: isInbound) else {
            return
        }
        add(1, status, exchange.method)
        // As the original does it: what took no time says nothing.
        if exchange.method == .request, exchange.status != .unanswered, exchange.duration > 0 {
            latencies.add(exchange.duration)
        }
    }

    /// What the kernel counted.
    func count(_ row: martlet_http_counts) {
        withUnsafeBytes(of: row.statuses) { counts in
            for index in 0..<5 {
                let count = counts.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
                if count == 0 { continue }
                // Of the others there are two: the class 2 and 4.
                let status: ExchangeStatus =
                    applicationProtocol == .http1 ? .http(UInt16(index + 1) * 100) : index == 1 ? .ok : .failed
                guard let label = status.label(for: applicationProtocol, isInbound: isInbound) else { continue }
                add(UInt64(count), label, .request)
            }
        }
        if row.unanswered > 0,
            let label = ExchangeStatus.unanswered.label(
                for: applicationProtocol, isInbound: isInbound)
        {
            add(UInt64(row.unanswered), label, .request)
        }
        latencies.add(row)
    }

    private func add(_ count: UInt64, _ status: StaticString, _ method: ExchangeMethod) {
        for index in entries.indices
        where entries[index].status.utf8Start == status.utf8Start && entries[index].method == method {
            entries[index].count &+= count
            return
        }
        entries.append(Entry(status: status, method: method, count: count))
    }

    /// Takes over the counts of another object.
    func add(_ other: RequestCounters) {
        for entry in other.entries { add(entry.count, entry.status, entry.method) }
        latencies.add(other.latencies)
    }

    func forgetLabels() {
        for index in entries.indices { entries[index].labels = nil }
        latencies.forgetLabels()
    }

    func emit(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        guard let families = RequestFamilies.of(applicationProtocol, isInbound: isInbound) else { return }
        for index in entries.indices {
            let set = entries[index].labels ?? labels.adding(Self.pairs(entries[index], families))
            entries[index].labels = set
            snapshot.add(families.counter, set, Double(entries[index].count))
        }
        if let histogram = families.histogram { latencies.emit(into: &snapshot, histogram, labels) }
    }

    private static func pairs(_ entry: Entry, _ families: RequestFamilies) -> [LabelSet.Pair] {
        let status = ("status", "\(entry.status)")
        if families.histogram != nil { return [status] }
        return [status, ("method", entry.method == .consume ? "consume" : "produce")]
    }
}
