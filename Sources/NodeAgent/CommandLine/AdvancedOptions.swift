import ArgumentParser

/// What few need.
struct AdvancedOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "YAML file with any of these options, named without the dashes.", valueName: "file"))
    var config: String?

    @Option(
        name: .customLong("gc-interval"),
        help: ArgumentHelp(
            "How long ended containers and closed sockets are kept. (default: 10m)", valueName: "duration"))
    var gcInterval: String?

    @Option(
        name: .customLong("io"),
        help: ArgumentHelp(
            "What to wait on: automatic, io_uring or epoll. (default: automatic)", valueName: "mechanism"))
    var io: String?
}
