import Foundation

/// A parsed page in Prometheus' text format.
struct Page {
    let text: String
    let samples: [Sample]

    /// Fails on anything that is not a comment, an empty line or a sample.
    init(_ text: String) throws {
        self.text = text
        samples = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { try Self.sample($0) }
    }

    /// Series of a name whose labels contain `labels`.
    func all(_ name: String, _ labels: [String: String] = [:]) -> [Sample] {
        samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
    }

    /// The sum over the series of a name whose labels contain `labels`; nil if there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = all(name, labels)
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    /// The sum over the series of a container.
    func value(_ name: String, of container: String, _ labels: [String: String] = [:]) -> Double? {
        value(name, labels.merging(["container_id": container]) { $1 })
    }

    var containers: Set<String> { Set(samples.map(\.container).filter { !$0.isEmpty }) }

    /// Everything that the agent says it lost or dropped.
    var losses: Double { (value("martlet_events_lost_total") ?? 0) + (value("martlet_dropped_total") ?? 0) }

    /// By bytes: what characters a hostile label value forms with the quotes around it must not matter.
    private static func sample(_ line: Substring) throws -> Sample {
        let bytes = Array(line.utf8)
        let bad = Failure("not a sample: \(line.prefix(300))")
        func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        var position = bytes.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") } ?? 0
        let name = text(0..<position)
        var labels: [String: String] = [:]
        if position > 0, bytes[position] == UInt8(ascii: "{") {
            position += 1
            while position < bytes.count, bytes[position] != UInt8(ascii: "}") {
                guard let equals = bytes[position...].firstIndex(of: UInt8(ascii: "=")), equals + 1 < bytes.count,
                    bytes[equals + 1] == UInt8(ascii: "\"")
                else { throw bad }
                let key = text(position..<equals)
                position = equals + 2
                var value: [UInt8] = []
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    if bytes[position] == UInt8(ascii: "\\"), position + 1 < bytes.count {
                        position += 1
                        value.append(bytes[position] == UInt8(ascii: "n") ? 10 : bytes[position])
                    } else {
                        value.append(bytes[position])
                    }
                    position += 1
                }
                labels[key] = String(decoding: value, as: UTF8.self)
                position += 1
                if position < bytes.count, bytes[position] == UInt8(ascii: ",") { position += 1 }
            }
            position += 1
        }
        guard !name.isEmpty, position < bytes.count, bytes[position] == UInt8(ascii: " ") else { throw bad }
        let rest = text(position + 1..<bytes.count).prefix { $0 != " " }
        guard let value = Double(rest) else { throw bad }
        return Sample(name: name, labels: labels, value: value)
    }
}
