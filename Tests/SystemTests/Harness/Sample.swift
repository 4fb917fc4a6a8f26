/// One line of the page.
struct Sample: CustomStringConvertible {
    let name: String
    let labels: [String: String]
    let value: Double

    var container: String { labels["container_id"] ?? "" }

    var description: String {
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",")
        return "\(name){\(pairs)} \(value)"
    }
}
