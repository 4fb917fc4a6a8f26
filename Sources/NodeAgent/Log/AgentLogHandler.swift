import Logging

/// Writes log messages as lines `2026-11-23T21:34:00.123Z level message key=value …`, metadata sorted by key.
struct AgentLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let sink: LogSink

    init(sink: LogSink, level: Logger.Level) {
        self.sink = sink
        self.logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        var line = UsageError.oneLine("\(event.message)")
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " \(UsageError.oneLine(key))=\(Self.text(value.description))"
        }
        sink.write(level: event.level.rawValue, line)
    }

    /// In quotes where the end of the value would not be clear.
    private static func text(_ value: String) -> String {
        let line = UsageError.oneLine(value)
        if !line.isEmpty, !line.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) { return line }
        return "\"" + line.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
