/// Every series of the agent at one moment, grouped by family: what the page shows and remote write sends.
public struct MetricsSnapshot: Sendable {
    /// One value of one series.
    public struct Sample: Sendable {
        public let labels: LabelSet
        /// `StaleMarker.value` where the series has ended.
        public let value: Double
        /// When the series began, in milliseconds since the Unix epoch; 0 if that is not known.
        public internal(set) var created: Int64

        public init(labels: LabelSet, value: Double, created: Int64 = 0) {
            self.labels = labels
            self.value = value
            self.created = created
        }
    }

    /// When the values were read, in milliseconds since the Unix epoch.
    public let timestamp: Int64

    /// Samples by `MetricFamily.rawValue`; an empty array means that the family is absent.
    private var samplesByFamily: [[Sample]]

    /// When counters that are added from now on began to count, in milliseconds since the Unix epoch; 0 if that is not known.
    public var since: Int64 = 0

    public init(timestamp: Int64) {
        self.timestamp = timestamp
        self.samplesByFamily = Array(repeating: [], count: MetricFamily.allCases.count)
    }

    public mutating func add(_ family: MetricFamily, _ labels: LabelSet, _ value: Double) {
        samplesByFamily[Int(family.rawValue)].append(Sample(labels: labels, value: value, created: since))
    }

    /// Counters that are added from now on began to count at `time`; `now` is the same clock at the time of the snapshot.
    /// Nanoseconds.
    public mutating func countersBegan(at time: UInt64, now: UInt64) {
        since = max(timestamp - Int64(clamping: (max(now, time) - time) / 1_000_000), 0)
    }

    /// Adds the sign that a series has ended.
    mutating func addMarker(_ family: MetricFamily, _ labels: LabelSet) {
        samplesByFamily[Int(family.rawValue)].append(Sample(labels: labels, value: StaleMarker.value))
    }

    /// Leaves out all series of a family.
    public mutating func remove(_ family: MetricFamily) { samplesByFamily[Int(family.rawValue)] = [] }

    /// Lends the samples of a family to `body`, which changes them in place.
    mutating func edit(_ family: MetricFamily, _ body: (inout [Sample]) -> Void) {
        body(&samplesByFamily[Int(family.rawValue)])
    }

    /// Moves all samples of `other` into this snapshot.
    public mutating func append(_ other: MetricsSnapshot) {
        for index in samplesByFamily.indices { samplesByFamily[index] += other.samplesByFamily[index] }
    }

    /// The samples of one family in the order in which they were added.
    public subscript(family: MetricFamily) -> [Sample] { samplesByFamily[Int(family.rawValue)] }

    /// The number of samples over all families.
    public var count: Int { samplesByFamily.reduce(0) { $0 + $1.count } }

    /// Families that have at least one sample, in catalogue order.
    public var families: [MetricFamily] { MetricFamily.allCases.filter { !self[$0].isEmpty } }
}
