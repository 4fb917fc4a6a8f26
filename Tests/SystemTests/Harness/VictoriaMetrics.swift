import Foundation

/// A real VictoriaMetrics that takes remote write and OTLP.
final class VictoriaMetrics: MetricsStore {
    static var isInstalled: Bool { (try? Command.check(["which", "victoria-metrics"])) != nil }

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

    func flush() throws {
        try Command.check(["curl", "-sS", "--fail", "http://\(address)/internal/force_flush"])
        // The rest comes by itself, once a second.
        usleep(1_500_000)
    }

    /// Whether so many samples are stored for a selector. What was taken in shows some seconds later.
    func has(_ samples: Int, of selector: String) throws -> Bool {
        try soon(within: 15, every: 0.5) { try count(selector) >= samples }
    }

    private func count(_ selector: String) throws -> Int {
        let text = try Command.check([
            "curl", "-sS", "--fail", "-G", "http://\(address)/api/v1/export", "--data-urlencode", "match[]=\(selector)",
        ])
        struct Line: Decodable { let values: [Double?] }
        return try text.split(separator: "\n").reduce(0) {
            $0 + (try JSONDecoder().decode(Line.self, from: Data($1.utf8)).values.count)
        }
    }
}
