import ArgumentParser

/// What is seen of requests.
struct RequestOptions: ParsableArguments {
    @Flag(
        name: .customLong("disable-l7-tracing"), inversion: .prefixedNo,
        help: ArgumentHelp("Look at no requests: no metrics of protocols, no traces. (default: off)"))
    var disableL7Tracing: Bool?

    @Option(
        name: .customLong("instrumentation-delay"),
        help: ArgumentHelp(
            "Age from which on the TLS of processes is looked into that only connect; those that listen need none. (default: 30s)",
            valueName: "duration"))
    var instrumentationDelay: String?

    @Option(
        name: .customLong("exclude-http-requests-by-path"),
        help: ArgumentHelp(
            "HTTP requests with such a path are neither counted nor traced; * stands for anything. May be repeated.",
            valueName: "pattern"))
    var excludeHTTPRequestsByPath: [String] = []

    @Option(
        name: .customLong("capture-bytes"),
        help: ArgumentHelp(
            "Bytes of every piece of a connection that are read at least, from 64 to 16384. (default: 1024)",
            valueName: "count")
    )
    var captureBytes: String?
}
