import Metrics
import Synchronization

/// Which labels a series is sent with, whatever the protocol: its own and the extra ones, ascending by name.
///
/// An extra label wins over a series' own of the same name. Labels without a value are left out: remote write forbids them, and
/// they mean the same as no label. `__name__` is not among them; it belongs to the family.
struct SeriesLabels: Sendable {
    static let name = "__name__"

    /// The extra labels, ascending by name.
    let extra: [LabelSet.Pair]

    /// Who keeps bytes in label sets: one number for one protocol with the same extra labels, so that encoders of several
    /// shards and endpoints share them.
    let owner: UInt32

    init(_ metricsProtocol: MetricsProtocol, extra: LabelSet) {
        self.extra = extra.pairs.filter { !$0.value.isEmpty && $0.name != Self.name }
        let key = metricsProtocol.rawValue + String(decoding: extra.text, as: UTF8.self)
        owner = Self.owners.withLock { owners in
            if let owner = owners[key] { return owner }
            let owner = UInt32(owners.count + 1)
            owners[key] = owner
            return owner
        }
    }

    /// Grows with the configurations of one life of the process, which are few.
    private static let owners = Mutex<[String: UInt32]>([:])

    /// Hands every label of a series with the labels `own` to `body`.
    func forEach(_ own: [LabelSet.Pair], _ body: (_ name: String, _ value: String) -> Void) {
        var next = 0
        for pair in own {
            while next < extra.count, extra[next].name < pair.name {
                body(extra[next].name, extra[next].value)
                next += 1
            }
            if next < extra.count, extra[next].name == pair.name { continue }
            if !pair.value.isEmpty, pair.name != Self.name { body(pair.name, pair.value) }
        }
        while next < extra.count {
            body(extra[next].name, extra[next].value)
            next += 1
        }
    }

    /// Hands the labels of a series that no extra label replaces to `body`: for protocols that send the extra ones once.
    func forEachOwn(_ own: [LabelSet.Pair], _ body: (_ name: String, _ value: String) -> Void) {
        for pair in own where !pair.value.isEmpty && pair.name != Self.name {
            if !extra.contains(where: { $0.name == pair.name }) { body(pair.name, pair.value) }
        }
    }
}
