import ArgumentParser

/// Where the page is served.
struct ListeningOptions: ParsableArguments {
    @Option(
        name: .customLong("listen"),
        help: ArgumentHelp(
            "Address of the page. (default: 127.0.0.1:10300)", valueName: "host:port"))
    var listen: String?
}
