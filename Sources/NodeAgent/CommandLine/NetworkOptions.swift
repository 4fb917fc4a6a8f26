import ArgumentParser

/// Which connections are reported.
struct NetworkOptions: ParsableArguments {
    @Option(
        name: .customLong("track-public-network"),
        help: ArgumentHelp(
            "Public network to which connections are reported; may be repeated. (default: 0.0.0.0/0)", valueName: "cidr"
        ))
    var trackPublicNetwork: [String] = []

    @Option(
        name: .customLong("ephemeral-port-range"),
        help: ArgumentHelp(
            "Ports that are not reported as servers; several ranges with commas. (default: 32768-60999)",
            valueName: "first-last"))
    var ephemeralPortRange: String?

    @Flag(
        name: .customLong("disable-pinger"), inversion: .prefixedNo,
        help: ArgumentHelp("Send no echo requests: no container_net_latency_seconds. (default: off)"))
    var disablePinger: Bool?

    @Option(
        name: .customLong("max-fqdns-per-container"),
        help: ArgumentHelp(
            "Most domain names of a container that are told apart. (default: 50)", valueName: "count"))
    var maxFqdnsPerContainer: String?
}
