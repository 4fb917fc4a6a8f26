import ArgumentParser

/// The agent's own log.
struct LoggingOptions: ParsableArguments {
    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(
        name: .customLong("log-per-second"),
        help: ArgumentHelp(
            "Lines per second in the long run. (default: 10)", valueName: "number"))
    var logPerSecond: String?

    @Option(name: .customLong("log-burst"), help: ArgumentHelp("Lines at once. (default: 100)", valueName: "number"))
    var logBurst: String?
}
