internal import Logs

/// The messages of one source of a container: counts each, and hands it on.
final class SourceLogs {
    let name: String
    private let bytes: [UInt8]
    // Whoever holds a source holds its container.
    private unowned let container: ContainerLogs
    private(set) var patterns: PatternTable
    /// Whether messages were counted since somebody looked.
    var isChanged = false

    init(_ name: String, of container: ContainerLogs, settings: LogSettings) {
        self.name = name
        self.container = container
        bytes = Array(name.utf8)
        patterns = PatternTable(limit: settings.patternsPerContainer, sampleLength: settings.maximumLabelLength)
    }

    @inline(__always)
    func take(_ message: borrowing LogReader.Message, _ json: borrowing JSONLog, _ pass: LogPass) {
        let level = message.level
        let isSampled = level.hasPatterns && !container.mayExtract(at: pass.now)
        let index = isSampled ? patterns.countSampled(level) : patterns.count(message.body, level)
        isChanged = true
        let origin = message.origin
        let source = bytes
        let record = LogRecord(
            body: message.body, source: source.span, level: level, stream: origin.stream,
            time: origin.time == 0 ? origin.readAt : origin.time, observedTime: origin.readAt,
            pattern: patterns.patterns[index].name)
        pass.hand(record, json, from: container.owner)
    }
}
