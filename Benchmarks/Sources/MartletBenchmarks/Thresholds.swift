import FoundationEssentials

/// The limits that a scenario must keep: `DIRECTORY/SCENARIO.json`.
struct Thresholds {
    private struct Limit: Decodable {
        var maximum: Double?
        var minimum: Double?
    }

    private let limits: [String: Limit]

    init(_ scenario: Scenario, in directory: String) throws {
        let path = "\(directory)/\(scenario.rawValue).json"
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw BenchmarkError("cannot read the thresholds in \(path)")
        }
        guard let limits = try? JSONDecoder().decode([String: Limit].self, from: data) else {
            throw BenchmarkError("\(path) is not of the form {\"NAME\": {\"maximum\": 1.5}}")
        }
        self.limits = limits
    }

    /// What does not keep its limit, for people, and whether it is exact.
    func violations(_ measurements: [Measurement]) -> [(text: String, isExact: Bool)] {
        var found: [(text: String, isExact: Bool)] = []
        for (name, limit) in limits.sorted(by: { $0.key < $1.key }) {
            guard let measurement = measurements.first(where: { $0.name == name }) else {
                found.append(("\(name) was not measured", true))
                continue
            }
            let value = Report.number(measurement.value)
            if let maximum = limit.maximum, !(measurement.value <= maximum) {
                found.append(("\(name) is \(value), more than \(maximum)", measurement.isExact))
            }
            if let minimum = limit.minimum, !(measurement.value >= minimum) {
                found.append(("\(name) is \(value), less than \(minimum)", measurement.isExact))
            }
        }
        return found
    }
}
