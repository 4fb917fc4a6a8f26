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
}
