/// What can be measured.
enum Scenario: String, CaseIterable {
    case ringConsume = "ring-consume"
    case ringThroughput = "ring-throughput"
    case eventPath = "event-path"
    case page
    case series
    case encode
    case bytes
    case parsers
    case spans
    case logs

    func run() async throws -> [Measurement] {
        switch self {
        case .ringConsume: try RingConsume.run()
        case .ringThroughput: try RingThroughput.run()
        case .eventPath: try await EventPath.run()
        case .page: try await Page.run()
        case .series: try await SeriesScenario.run()
        case .encode: try Encode.run()
        case .bytes: try Bytes.run()
        case .parsers: try Parsers.run()
        case .spans: try Spans.run()
        case .logs: try LogLines.run()
        }
    }
}
