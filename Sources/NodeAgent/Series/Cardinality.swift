/// Where the series of a page come from: the largest metrics and containers, and the labels with the most values.
struct Cardinality: Sendable {
    struct Part: Hashable, Sendable {
        let name: String
        let series: Int
        /// Names and values of all their labels.
        let labelBytes: Int
    }

    struct Label: Hashable, Sendable {
        let name: String
        let values: Int
        let series: Int
    }

    private struct Size {
        var series = 0
        var labelBytes = 0
    }

    private struct LabelSize {
        var values: Set<String> = []
        var series = 0
    }

    let series: Int
    let labelBytes: Int
    /// Lines that could not be read.
    let malformedLines: Int
    /// Largest first.
    let metrics: [Part]
    let containers: [Part]
    let labels: [Label]
    /// Series that the agent holds back by its limits, if the page says so.
    let held: Int?

    init(_ page: PageText) {
        var metrics: [String: Size] = [:]
        var containers: [String: Size] = [:]
        var labels: [String: LabelSize] = [:]
        var bytes = 0
        var held: Int?
        for sample in page.samples {
            let size = sample.labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
            bytes += size
            metrics[sample.name, default: Size()].series += 1
            metrics[sample.name, default: Size()].labelBytes += size
            for (name, value) in sample.labels {
                labels[name, default: LabelSize()].series += 1
                labels[name, default: LabelSize()].values.insert(value)
            }
            if sample.name == "martlet_series_held_back", let count = Int(exactly: sample.value.rounded()) {
                held = (held ?? 0) &+ count
            }
            // The agent's own figures about a container are not the container's.
            guard sample.name != "martlet_container_series", let id = sample.labels["container_id"] else { continue }
            containers[id, default: Size()].series += 1
            containers[id, default: Size()].labelBytes += size
        }
        series = page.samples.count
        labelBytes = bytes
        malformedLines = page.malformedLines
        self.held = held
        self.metrics = Self.sorted(metrics)
        self.containers = Self.sorted(containers)
        self.labels = labels.map { Label(name: $0.key, values: $0.value.values.count, series: $0.value.series) }
            .sorted { ($0.values, $0.series, $1.name) > ($1.values, $1.series, $0.name) }
    }

    private static func sorted(_ sizes: [String: Size]) -> [Part] {
        sizes.map { Part(name: $0.key, series: $0.value.series, labelBytes: $0.value.labelBytes) }
            .sorted { ($0.series, $0.labelBytes, $1.name) > ($1.series, $1.labelBytes, $0.name) }
    }

    /// The share of all series, in percent.
    func share(_ part: Part) -> Double { series == 0 ? 0 : Double(part.series) * 100 / Double(series) }
}
