/// One figure of one scenario.
struct Measurement {
    /// Lower case with underscores, as the thresholds name it.
    let name: String
    let value: Double
    /// What one unit of `value` is, such as `ns/record`; ratios have none.
    let unit: String

    init(_ name: String, _ value: Double, _ unit: String = "") {
        self.name = name
        self.value = value
        self.unit = unit
    }

    /// Allocations and bytes are counted, not timed: they do not vary, and a threshold on them holds in every attempt.
    var isExact: Bool { name.contains("allocations") || name.hasSuffix("bytes_per_sample") }
}
