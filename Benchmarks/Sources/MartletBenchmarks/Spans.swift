import Host
import Network
import Protocols
import Traces
import Wire

/// From an exchange with its texts to the bytes of a span, in batches that are finished and begun anew.
enum Spans {
    private static let rounds = 31
    private static let warmUp = 3
    private static let perBatch = 1000

    static func run() throws -> [Measurement] {
        try measure("http", .http1, .http(200), [(.operation, "GET"), (.target, "/catalogue/items?page=2")])
            + measure(
                "sql", .postgres, .ok,
                [(.statement, "SELECT id, name FROM orders WHERE customer = 7 AND state IN ('new', 'paid')")])
            + measure(
                "sql_obfuscated", .postgres, .ok,
                [(.statement, "SELECT id, name FROM orders WHERE customer = 7 AND state IN ('new', 'paid')")],
                obfuscates: true)
    }

    private static func measure(
        _ name: String, _ applicationProtocol: ApplicationProtocol, _ status: ExchangeStatus,
        _ texts: [(RequestText.Kind, String)], obfuscates: Bool = false
    ) throws -> [Measurement] {
        var options = TraceOptions()
        options.obfuscatesQueries = obfuscates
        var recorder = SpanRecorder(options, version: "1.0")
        let facts = ResourceFacts(
            serviceName: "/k8s/shop/web", containerID: "/k8s/shop/web-1/main", hostName: "node",
            hostID: "0123456789abcdef")
        guard let one = IPAddress([10, 0, 0, 1]), let other = IPAddress([10, 0, 0, 2]) else {
            throw BenchmarkError("no address")
        }
        let (local, destination) = (Endpoint(address: one, port: 40_000), Endpoint(address: other, port: 8080))
        let peer = RequestPeer(
            isInbound: false, isTLS: false, destination: .endpoint(destination), actual: destination, local: local,
            connection: 1, netns: 7)
        var text = RequestText()
        for (kind, value) in texts {
            Array(value.utf8).withUnsafeBytes { text.add(kind, RawSpan(_unsafeBytes: $0)) }
        }
        var request = WireBuffer()
        var times: [Double] = []
        var (bytes, allocations) = (0, UInt64(0))
        for round in 0..<(warmUp + rounds) {
            let start = UInt64(round * perBatch) * 10_000
            let cost = Timing.measure {
                for number in 0..<UInt64(perBatch) {
                    let begin = start + number * 10_000
                    recorder.take(
                        Exchange(applicationProtocol, .request, status: status, start: begin, end: begin + 5000), text,
                        peer, from: facts)
                }
                request.removeAll()
                recorder.finish(into: &request)
            }.cost
            if round < warmUp { continue }
            times.append(cost.nanoseconds / Double(perBatch))
            allocations += cost.allocations
            bytes = request.count
        }
        guard bytes > 100 * perBatch else { throw BenchmarkError("\(bytes) bytes of \(perBatch) spans") }
        return [
            Measurement(name, Statistics.median(times), "ns/span"),
            Measurement("\(name)_bytes", Double(bytes) / Double(perBatch), "bytes/span"),
            Measurement("\(name)_allocations", Double(allocations) / Double(rounds * perBatch)),
        ]
    }
}
