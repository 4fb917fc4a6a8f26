public import Logs

/// What can be chosen about logs.
public struct LogSettings: Sendable {
    /// Distinct patterns of a source and level (`--log-patterns-per-container`).
    public var patternsPerContainer = 256
    /// Messages of a container per second whose pattern is looked for; 0 is without limit (`--log-pattern-extraction-limit`).
    public var patternExtractionLimit = 100
    /// Bytes of the label `sample` (`--max-label-length`).
    public var maximumLabelLength = 4096
    /// Off with `--disable-json-log-parsing`.
    public var parsesJSON = true
    /// What is hidden (`--log-redact`).
    public var redaction: Redactor.Classes = []
    /// Files that are followed beside the containers' own (`--log-path`).
    public var paths: [LogPathRule] = []
    /// Where the journal is; nil for the host's usual places.
    public var journalDirectory: String?
    /// Where it is written down how far everything was read; empty for nowhere.
    public var checkpointPath = ""

    public init() {}
}
