import Foundation

/// A real VictoriaMetrics that takes remote write and OTLP.
final class VictoriaMetrics {
    let address: String
    private let process: ChildProcess

    var writeURL: String { "http://\(address)/api/v1/write" }
    var otlpURL: String { "http://\(address)/opentelemetry/v1/metrics" }

    init(_ program: String = "victoria-metrics", in scratch: Scratch) throws {
        address = "127.0.0.1:\(try Machine.freePort())"
        process = try ChildProcess(
            [
                program, "-storageDataPath=\(scratch.file("victoria-metrics"))", "-httpListenAddr=\(address)",
                "-retentionPeriod=1", "-search.latencyOffset=0s", "-search.disableCache",
            ], in: scratch)
        let url = "http://\(address)/health"
        if !soon(within: 20, { (try? Command.check(["curl", "-sS", "--fail", url])) != nil }) {
            throw Failure("VictoriaMetrics does not run: \(process.errors.suffix(1000))")
        }
    }

    /// The number of samples that are stored for a selector in the last hour.
    func count(_ selector: String) throws -> Int {
        // What was taken in shows in queries a second later, or at once when told to.
        _ = try? Command.check(["curl", "-sS", "http://\(address)/internal/force_flush"])
        let text = try Command.check([
            "curl", "-sS", "--fail", "-G", "http://\(address)/api/v1/export", "--data-urlencode", "match[]=\(selector)",
        ])
        struct Line: Decodable { let values: [Double?] }
        return try text.split(separator: "\n").reduce(0) {
            $0 + (try JSONDecoder().decode(Line.self, from: Data($1.utf8)).values.count)
        }
    }
}
