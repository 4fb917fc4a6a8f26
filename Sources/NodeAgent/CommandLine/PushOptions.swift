import ArgumentParser

/// Where and how metrics, logs and traces are pushed.
struct PushOptions: ParsableArguments {
    @Option(
        name: .customLong("collector-endpoint"),
        help: ArgumentHelp(
            "Collector to push to, at its paths /v1/metrics, /v1/logs and /v1/traces.", valueName: "url"))
    var collectorEndpoint: String?

    @Option(
        name: .customLong("metrics-endpoint"),
        help: ArgumentHelp(
            "Receiver of metrics to push to; more than once for several. Wins over the collector.", valueName: "url"))
    var metricsEndpoint: [String] = []

    @Option(
        name: .customLong("metrics-protocol"),
        help: ArgumentHelp(
            "remote-write, remote-write-2 or otlp. (default: remote-write)", valueName: "protocol"))
    var metricsProtocol: String?

    @Option(
        name: .customLong("metrics-compression"),
        help: ArgumentHelp(
            "auto, snappy, zstd; for otlp also gzip or none. (default: auto)", valueName: "method"))
    var metricsCompression: String?

    @Option(
        name: .customLong("push-shards"),
        help: ArgumentHelp(
            "Requests to one receiver at once, at most. (default: 4)", valueName: "count"))
    var pushShards: String?

    @OptionGroup var otlp: OTLPOptions

    @OptionGroup var transport: TransportOptions

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

    @Option(
        name: .customLong("shutdown-timeout"),
        help: ArgumentHelp(
            "Time to send what waits when the agent ends; the rest stays on disk. (default: 5s)",
            valueName: "duration"))
    var shutdownTimeout: String?
}
