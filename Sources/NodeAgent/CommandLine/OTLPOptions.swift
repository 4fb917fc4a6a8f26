import ArgumentParser

/// Where logs and traces are pushed.
struct OTLPOptions: ParsableArguments {
    @Option(
        name: .customLong("logs-endpoint"),
        help: ArgumentHelp("Receiver of logs by OTLP/HTTP. Wins over the collector.", valueName: "url"))
    var logsEndpoint: String?

    @Option(
        name: .customLong("traces-endpoint"),
        help: ArgumentHelp("Receiver of traces by OTLP/HTTP. Wins over the collector.", valueName: "url"))
    var tracesEndpoint: String?

    @Option(
        name: .customLong("otlp-compression"),
        help: ArgumentHelp("Of logs and traces: auto (gzip), gzip, zstd or none. (default: auto)", valueName: "method"))
    var otlpCompression: String?
}
