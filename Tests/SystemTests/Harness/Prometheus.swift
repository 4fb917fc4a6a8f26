import Foundation

/// A real Prometheus that takes remote write.
final class Prometheus: MetricsStore {
    let address: String
    private let process: ChildProcess

    var writeURL: String { "http://\(address)/api/v1/write" }

    /// - Parameters:
    ///   - program: the one on PATH unless given.
    ///   - host, port: where it listens; a free port unless given.
    init(
        _ program: String = "prometheus", in scratch: Scratch, host: String = "127.0.0.1", port: Int? = nil
    ) throws {
        address = "\(host):\(try port ?? Int(Machine.freePort()))"
        let configuration = try scratch.write("global: {}\n", to: "prometheus.yml")
        process = try ChildProcess(
            [
                program, "--config.file=\(configuration)", "--storage.tsdb.path=\(scratch.file("prometheus"))",
                "--web.listen-address=\(address)", "--web.enable-remote-write-receiver",
            ], in: scratch)
        let url = "http://\(address)/-/ready"
        if !soon(within: 20, { (try? Command.check(["curl", "-sS", "--fail", url])) != nil }) {
            throw Failure("Prometheus does not run: \(process.errors.suffix(1000))")
        }
    }

    /// The instant query's result: the newest sample of each series.
    func query(_ expression: String) throws -> [Sample] {
        let text = try Command.check([
            "curl", "-sS", "--fail", "-G", "http://\(address)/api/v1/query", "--data-urlencode", "query=\(expression)",
        ])
        struct Answer: Decodable {
            struct Result: Decodable {
                let metric: [String: String]
                let value: [Value]
            }
            struct Data: Decodable { let result: [Result] }
            let data: Data
        }
        /// A number (the time) or a string (the value).
        struct Value: Decodable {
            let number: Double
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Double.self) {
                    self.number = number
                } else {
                    number = Double(try container.decode(String.self)) ?? .nan
                }
            }
        }
        return try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).data.result.map { result in
            var labels = result.metric
            let name = labels.removeValue(forKey: "__name__") ?? ""
            return Sample(name: name, labels: labels, value: result.value.last?.number ?? .nan)
        }
    }
}
