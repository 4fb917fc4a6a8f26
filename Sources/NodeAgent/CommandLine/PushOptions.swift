import ArgumentParser

/// Where metrics are pushed by remote write.
struct PushOptions: ParsableArguments {
    @Option(
        name: .customLong("collector-endpoint"),
        help: ArgumentHelp(
            "Collector to push to, at its path /v1/metrics.", valueName: "url"))
    var collectorEndpoint: String?

    @Option(
        name: .customLong("metrics-endpoint"),
        help: ArgumentHelp(
            "Prometheus remote write receiver to push to; wins over the collector.", valueName: "url"))
    var metricsEndpoint: String?

    @Option(
        name: .customLong("api-key"),
        help: ArgumentHelp(
            "Key sent as X-Api-Key; better given as API_KEY, which others cannot see.", valueName: "key"))
    var apiKey: String?

    @Option(
        name: .customLong("ca-file"),
        help: ArgumentHelp(
            "Certificate authorities to trust besides the machine's own, in PEM.", valueName: "file"))
    var caFile: String?

    @Flag(
        name: .customLong("insecure-skip-verify"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Accept any certificate. (default: no)"))
    var insecureSkipVerify: Bool?

    @Option(
        name: .customLong("scrape-interval"),
        help: ArgumentHelp(
            "Time between two pushes. (default: 15s)", valueName: "duration"))
    var scrapeInterval: String?

    @Option(
        name: .customLong("wal-dir"),
        help: ArgumentHelp(
            "Where requests wait that cannot be sent. (default: /tmp/coroot-node-agent)", valueName: "directory"))
    var walDir: String?

    @Option(
        name: .customLong("max-spool-size"),
        help: ArgumentHelp(
            "What may wait there at most; then the oldest gives way. 0 keeps requests in memory only. (default: 500MB)",
            valueName: "size"))
    var maxSpoolSize: String?

    @Option(
        name: .customLong("spool-sync"),
        help: ArgumentHelp(
            "When it is forced to the disk: always, segment or never. (default: segment)", valueName: "when"))
    var spoolSync: String?
}
