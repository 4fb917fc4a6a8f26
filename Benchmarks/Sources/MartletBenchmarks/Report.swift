/// Prints measurements as a table, or all of them as one JSON document.
struct Report {
    private var scenarios: [(name: String, measurements: [Measurement])] = []

    mutating func add(_ scenario: Scenario, _ measurements: [Measurement]) {
        scenarios.append((scenario.rawValue, measurements))
    }

    static func table(_ scenario: Scenario, _ measurements: [Measurement]) -> String {
        var text = scenario.rawValue + "\n"
        for measurement in measurements {
            let value = number(measurement.value)
            text += "  " + measurement.name + spaces(44 - measurement.name.count) + spaces(10 - value.count) + value
            text += measurement.unit.isEmpty ? "\n" : " \(measurement.unit)\n"
        }
        return text
    }

    var json: String {
        let objects = scenarios.map { scenario in
            let values = scenario.measurements.map { measurement in
                "\"\(measurement.name)\":{\"value\":\(measurement.value),\"unit\":\"\(measurement.unit)\"}"
            }
            return "\"\(scenario.name)\":{\(values.joined(separator: ","))}"
        }
        return "{\(objects.joined(separator: ","))}"
    }

    /// With as many digits as mean something.
    static func number(_ value: Double) -> String {
        if value == value.rounded(), value.magnitude < 1e15 { return String(Int64(value)) }
        let digits = value.magnitude < 0.01 ? 6 : 2
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return String((value * scale).rounded() / scale)
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(count, 0)) }
}
