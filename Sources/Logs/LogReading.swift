/// What was counted of one source of a container until now: `container_log_messages_total`.
public struct LogReading: Sendable {
    public let containerID: String
    /// The label `source`.
    public let source: String
    /// In the order in which they began; a pattern keeps its place.
    public let patterns: [PatternTable.Pattern]

    public init(containerID: String, source: String, patterns: [PatternTable.Pattern]) {
        (self.containerID, self.source, self.patterns) = (containerID, source, patterns)
    }
}
