import Foundation

/// A real receiver of pushed metrics that can be asked for every sample it has.
protocol MetricsStore {
    /// Host and port at which it listens.
    var address: String { get }
    /// Makes what was taken visible to queries.
    func flush() throws
}

/// A series as a receiver has it.
struct StoredSeries: Decodable {
    /// Labels; `__name__` is the name.
    let metric: [String: String]
    /// By time, each time once, without stale markers.
    let points: [Point]

    struct Point: Hashable {
        /// Milliseconds since 1970.
        let time: Int
        let value: Double
    }

    /// The answer to a query for a range of samples.
    struct Answer: Decodable {
        struct Result: Decodable { let result: [StoredSeries] }
        let data: Result
    }

    private enum Key: String, CodingKey { case metric, values }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        metric = try container.decode([String: String].self, forKey: .metric)
        var list = try container.nestedUnkeyedContainer(forKey: .values)
        var points: [Int: Double] = [:]
        while !list.isAtEnd {
            // The time as a number of seconds, the value as a text.
            var pair = try list.nestedUnkeyedContainer()
            let time = try pair.decode(Double.self)
            let value = Double(try pair.decode(String.self)) ?? .nan
            // A stale marker: it says that a series has ended, and is no value.
            if !value.isNaN { points[Int((time * 1000).rounded())] = value }
        }
        self.points = points.map { Point(time: $0.key, value: $0.value) }.sorted { $0.time < $1.time }
    }
}

extension MetricsStore {
    func flush() throws {}

    var port: Int { address.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// Every sample of the last two hours of the series that a selector names.
    func samples(_ selector: String) throws -> [StoredSeries] {
        let text = try Command.check([
            "curl", "-sS", "--fail", "-G", "http://\(address)/api/v1/query", "--data-urlencode",
            "query=\(selector)[2h]",
        ])
        return try JSONDecoder().decode(StoredSeries.Answer.self, from: Data(text.utf8)).data.result
    }

    /// The newest value of a counter that was pushed, summed over its series; 0 where there is none.
    func newest(_ selector: String) throws -> Double {
        try samples(selector).reduce(0) { $0 + ($1.points.last?.value ?? 0) }
    }

    /// What arrived, snapshot by snapshot.
    func ledger() throws -> PushLedger {
        try flush()
        return try PushLedger(self)
    }
}
