import ArgumentParser

/// Which series are shown and pushed.
struct SeriesOptions: ParsableArguments {
    @Option(
        name: .customLong("metric-allowlist"),
        help: ArgumentHelp(
            "Show and push only metrics with this name; * stands for any characters; may be repeated.",
            valueName: "pattern"))
    var metricAllowlist: [String] = []

    @Option(
        name: .customLong("metric-denylist"),
        help: ArgumentHelp(
            "Leave out metrics with this name, the agent's own included; may be repeated.", valueName: "pattern"))
    var metricDenylist: [String] = []

    @Option(
        name: .customLong("external-label"),
        help: ArgumentHelp(
            "Label of every series that is pushed; may be repeated.", valueName: "name=value"))
    var externalLabel: [String] = []

    @Option(
        name: .customLong("max-series-per-container"),
        help: ArgumentHelp(
            "Series of a container; those that changed longest ago give way. (default: 10000)", valueName: "number"))
    var maxSeriesPerContainer: String?

    @Option(
        name: .customLong("max-series"),
        help: ArgumentHelp(
            "Series of all containers together; the largest containers give way. (default: 300000)",
            valueName: "number"))
    var maxSeries: String?

    @Flag(
        name: .customLong("stale-on-shutdown"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Tell the receiver at the end that all series have ended, for nodes that do not come back. (default: no)"))
    var staleOnShutdown: Bool?
}
