import ArgumentParser
import Glibc
import Logs

/// `martlet-node explain log`: what the agent makes of log lines. Needs no privileges and asks nobody.
struct ExplainLogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Explain log lines from standard input: one JSON object for each message.",
        discussion: """
            Writes level, pattern_hash and pattern (of warnings and worse), timestamp (empty where the source has none), \
            body, attributes and trace_id. Messages that are like an earlier one have that one's pattern, as in the \
            agent.
            """)

    /// More than a runtime writes into one line; what is beyond is cut.
    private static let longestLine = 1 << 20

    @Option(
        help: ArgumentHelp(
            "How the lines are wrapped: docker (json-file), cri, journald (journalctl --output=json) or plain.",
            valueName: "source"),
        transform: Self.format)
    var source = LogFormat.plain

    @Flag(
        name: .customLong("disable-json-log-parsing"),
        help: "Take messages that are JSON objects as text.")
    var disablesJSON = false

    private static func format(_ name: String) throws -> LogFormat {
        // Of formats that have lines.
        let formats = LogFormat.allCases.filter { $0.framing == .lines }
        guard let format = formats.first(where: { $0.rawValue == name }) else {
            let names = formats.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(name) is no source; there are \(names)")
        }
        return format
    }

    func run() {
        var output = JSONLines(to: STDOUT_FILENO)
        var lines = BoundedLines(of: STDIN_FILENO, limit: Self.longestLine)
        var reader = LogReader(source, parsesJSON: !disablesJSON)
        var patterns = PatternTable()
        func write(_ message: borrowing LogReader.Message, _ json: borrowing JSONLog) {
            let pattern = patterns.patterns[patterns.count(message.body, message.level)]
            output.begin()
            output.add("level", "\(message.level.name)")
            output.add("pattern_hash", pattern.hash)
            output.add("pattern", pattern.text)
            output.add("timestamp", message.origin.time == 0 ? "" : RFC3339.text(message.origin.time))
            output.add("body", Self.string(message.body))
            Self.add(json, message.origin.stream, to: &output)
            output.add("trace_id", json.traceID?.hexadecimal ?? "")
            output.add("span_id", json.spanID?.hexadecimal ?? "")
            output.end()
        }
        var cutLines = 0
        while let line = lines.next() {
            if !line.isWhole { cutLines += 1 }
            reader.add(line.bytes.span, write)
        }
        reader.flush(write)
        output.flush()
        if cutLines > 0 { StandardStreams.complain("\(cutLines) lines were cut at \(Self.longestLine) bytes") }
        if reader.malformedLines > 0 {
            StandardStreams.complain(
                "\(reader.malformedLines) lines are not as \(source.rawValue) writes them; see --source")
        }
    }

    private static func add(_ json: borrowing JSONLog, _ stream: LogStream, to output: inout JSONLines) {
        // Borrowed values do not go into closures.
        var attributes: [(String, String)] = []
        if let name = stream.name { attributes.append(("log.iostream", "\(name)")) }
        for index in 0..<json.attributeCount {
            attributes.append((string(json.attributeKey(index)), string(json.attributeValue(index))))
        }
        output.add("attributes") { output in
            for (key, value) in attributes { output.add(key, value) }
        }
    }

    private static func string(_ bytes: Span<UInt8>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
