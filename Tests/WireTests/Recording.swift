import FoundationEssentials
import Metrics

/// What a node's series were over several scrapes, read from a file of `Tests/WireTests/Recordings` (its first lines say what is
/// in it).
struct Recording {
    struct Malformed: Error { let line: String }

    private(set) var snapshots: [MetricsSnapshot] = []

    init(path: String) throws {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        var texts: [String] = []
        var sets: [LabelSet] = []
        var family: MetricFamily?
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let rest = line.dropFirst(2)
            switch line.prefix(2) {
            case "t ":
                snapshots = rest.split(separator: " ").map { MetricsSnapshot(timestamp: Int64($0) ?? 0) }
            case "v ":
                texts.append(String(rest))
            case "l ":
                let numbers = rest.split(separator: " ").compactMap { Int($0) }
                sets.append(
                    LabelSet(
                        stride(from: 0, to: numbers.count, by: 2).map {
                            (texts[numbers[$0]], texts[numbers[$0 + 1]])
                        }))
            case "m ":
                // A metric that the catalogue has no more is left out.
                family = MetricFamily.allCases.first { $0.name == rest }
            default:
                try add(line, family, sets)
            }
        }
    }

    private mutating func add(_ line: Substring, _ family: MetricFamily?, _ sets: [LabelSet]) throws {
        let words = line.split(separator: " ")
        guard let number = words.first.flatMap({ Int($0) }), number < sets.count, words.count > 1 else {
            throw Malformed(line: String(line))
        }
        guard let family else { return }
        var value: Double?
        for index in snapshots.indices {
            if index + 1 < words.count, words[index + 1] != "=" {
                value = words[index + 1] == "-" ? nil : Double(words[index + 1])
            }
            guard let value else { continue }
            // The page does not say when a series began: an hour before, each at another time.
            snapshots[index].since = snapshots[0].timestamp - 3_600_000 - Int64(number) * 1009
            snapshots[index].add(family, sets[number], value)
        }
    }
}
