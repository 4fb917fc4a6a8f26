extension MetricFamily {
    /// What one unit of a value is, in the words of OpenMetrics; empty for numbers of things. By the rule of that standard the
    /// name ends in it, but for `_total`.
    public var unit: String { Self.units[Int(rawValue)] }

    private static let units: [String] = allCases.map { family in
        let name = family.name.hasSuffix("_total") ? family.name.dropLast("_total".count) : family.name[...]
        return ["seconds", "bytes", "celsius", "watts"].first { name.hasSuffix("_\($0)") } ?? ""
    }
}
