import ArgumentParser

/// What is read of containers' logs.
struct LogOptions: ParsableArguments {
    @Flag(
        name: .customLong("disable-log-parsing"), inversion: .prefixedNo,
        help: ArgumentHelp("Read no logs of containers: no metrics of messages, nothing to export. (default: off)"))
    var disableLogParsing: Bool?

    @Flag(
        name: .customLong("disable-json-log-parsing"), inversion: .prefixedNo,
        help: ArgumentHelp("Take messages that are JSON objects as text. (default: off)"))
    var disableJSONLogParsing: Bool?

    @Option(
        name: .customLong("log-patterns-per-container"),
        help: ArgumentHelp(
            "Patterns of messages that are told apart, for each level and source. (default: 256)", valueName: "count"))
    var logPatternsPerContainer: String?

    @Option(
        name: .customLong("log-pattern-extraction-limit"),
        help: ArgumentHelp(
            "Messages of a container per second whose pattern is looked for; 0 is without limit. (default: 100)",
            valueName: "count"))
    var logPatternExtractionLimit: String?

    @Option(
        name: .customLong("max-label-length"),
        help: ArgumentHelp("Longest label sample in bytes, 4096 at most. (default: 4096)", valueName: "bytes"))
    var maxLabelLength: String?

    @Option(
        name: .customLong("log-path"),
        help: ArgumentHelp(
            "Files that are read as logs, as the containers see them: PATH, or CONTAINER=PATH for some; *, ? and [a-z] stand for what they do in a shell. May be repeated.",
            valueName: "pattern"))
    var logPath: [String] = []

    @Option(
        name: .customLong("log-redact"),
        help: ArgumentHelp(
            "What is hidden in messages before they leave the node: token, email or card. May be repeated.",
            valueName: "class"))
    var logRedact: [String] = []

    @Option(
        name: .customLong("journal-dir"),
        help: ArgumentHelp(
            "Where the journal is, as the agent sees it. (default: the host's /run/log/journal or /var/log/journal)",
            valueName: "directory"))
    var journalDir: String?
}
