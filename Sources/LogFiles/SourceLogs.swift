internal import Logs

/// The messages of one source of a container: counts each, and hands it on.
final class SourceLogs {
    let name: String
    private let bytes: [UInt8]
    private let owner: LogOwner
    private let extractions: RateLimit
    // Not checked at run time: the thread that reads has it alone, and nothing that is called meanwhile comes back here.
    @exclusivity(unchecked) private(set) var patterns: PatternTable
    /// Whether messages were counted since somebody looked.
    @exclusivity(unchecked) var isChanged = false

    /// `extractions` is shared by the sources of a container.
    init(_ name: String, of owner: LogOwner, _ extractions: RateLimit, settings: LogSettings) {
        (self.name, self.owner, self.extractions) = (name, owner, extractions)
        bytes = Array(name.utf8)
        patterns = PatternTable(limit: settings.patternsPerContainer, sampleLength: settings.maximumLabelLength)
    }

    @inline(__always)
    func take(_ message: borrowing LogReader.Message, _ json: borrowing JSONLog, _ pass: LogPass) {
        let level = message.level
        let isSampled = level.hasPatterns && !extractions.take(at: pass.now)
        let index = isSampled ? patterns.countSampled(level) : patterns.count(message.body, level)
        isChanged = true
        let origin = message.origin
        let source = bytes
        let record = LogRecord(
            body: message.body, source: source.span, level: level, stream: origin.stream,
            time: origin.time == 0 ? origin.readAt : origin.time, observedTime: origin.readAt,
            pattern: patterns.patterns[index].name)
        pass.hand(record, json, from: owner)
    }
}
