extension MetricFamily {
    /// A classic histogram is three families of counters: cumulative buckets by upper bound (`le`), the sum and the number of
    /// observations (prometheus.io/docs/concepts/metric_types). They follow one another in the catalogue, buckets first.
    public enum HistogramPart: Sendable {
        case bucket
        case sum
        case count
    }

    /// What of a histogram the family is; nil if it belongs to none.
    public var histogramPart: HistogramPart? { Self.parts[Int(rawValue)] }

    /// The name of the histogram that the family is a part of, and its own name if it is of none.
    public var metricName: Substring {
        switch histogramPart {
        case nil: name[...]
        case .bucket: name.dropLast("_bucket".utf8.count)
        case .sum: name.dropLast("_sum".utf8.count)
        case .count: name.dropLast("_count".utf8.count)
        }
    }

    private static let parts: [HistogramPart?] = allCases.map { family in
        if family.name.hasSuffix("_total_bucket") { return .bucket }
        if family.name.hasSuffix("_total_sum") { return .sum }
        return family.name.hasSuffix("_total_count") ? .count : nil
    }
}
