/// A `Cardinality` for people and for programs.
struct CardinalityOutput: Sendable {
    let cardinality: Cardinality
    /// The most rows of each list.
    let limit: Int

    /// A summary and three tables.
    func lines() -> [String] {
        var summary =
            "series \(cardinality.series)   metrics \(cardinality.metrics.count)   containers "
            + "\(cardinality.containers.count)   label bytes \(Figure.bytes(Double(cardinality.labelBytes)))"
        if let held = cardinality.held { summary += "   held back by limits \(held)" }
        if cardinality.malformedLines > 0 { summary += "   unreadable lines \(cardinality.malformedLines)" }
        var lines = [summary, ""] + parts("METRIC", cardinality.metrics)
        if !cardinality.containers.isEmpty { lines += [""] + parts("CONTAINER", cardinality.containers) }
        if !cardinality.labels.isEmpty { lines += [""] + labels() }
        return lines
    }

    private func parts(_ title: String, _ parts: [Cardinality.Part]) -> [String] {
        var table = TextTable(columns: [
            TextTable.Column(title: title), TextTable.Column(title: "SERIES", alignment: .right),
            TextTable.Column(title: "SHARE", alignment: .right),
            TextTable.Column(title: "LABEL BYTES", alignment: .right),
        ])
        table.rows = parts.prefix(limit).map { part in
            [
                part.name, "\(part.series)", "\(Self.tenths(cardinality.share(part)))%",
                Figure.bytes(Double(part.labelBytes)),
            ]
        }
        return table.render()
    }

    private func labels() -> [String] {
        var table = TextTable(columns: [
            TextTable.Column(title: "LABEL"), TextTable.Column(title: "VALUES", alignment: .right),
            TextTable.Column(title: "SERIES", alignment: .right),
        ])
        table.rows = cardinality.labels.prefix(limit).map { [$0.name, "\($0.values)", "\($0.series)"] }
        return table.render()
    }

    /// One JSON object and a line end.
    func json() -> [UInt8] {
        var bytes = Array(
            "{\"series\":\(cardinality.series),\"label_bytes\":\(cardinality.labelBytes),".utf8)
        if let held = cardinality.held { bytes += Array("\"held_back\":\(held),".utf8) }
        bytes += Array("\"unreadable_lines\":\(cardinality.malformedLines),\"metrics\":[".utf8)
        append(cardinality.metrics, to: &bytes)
        bytes += Array("],\"containers\":[".utf8)
        append(cardinality.containers, to: &bytes)
        bytes += Array("],\"labels\":[".utf8)
        for (index, label) in cardinality.labels.prefix(limit).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += Array("{\"name\":".utf8)
            JSONText.append(label.name, to: &bytes)
            bytes += Array(",\"values\":\(label.values),\"series\":\(label.series)}".utf8)
        }
        bytes += Array("]}\n".utf8)
        return bytes
    }

    private func append(_ parts: [Cardinality.Part], to bytes: inout [UInt8]) {
        for (index, part) in parts.prefix(limit).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += Array("{\"name\":".utf8)
            JSONText.append(part.name, to: &bytes)
            let share = Self.tenths(cardinality.share(part))
            bytes += Array(
                ",\"series\":\(part.series),\"share_percent\":\(share),\"label_bytes\":\(part.labelBytes)}".utf8)
        }
    }

    /// A number from 0 to 100 with one digit after the point.
    private static func tenths(_ value: Double) -> String {
        let scaled = Int((value * 10).rounded())
        return "\(scaled / 10).\(scaled % 10)"
    }
}
