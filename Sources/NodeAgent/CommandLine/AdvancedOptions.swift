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
        name: .customLong("systemd-socket"),
        help: ArgumentHelp(
            "Where systemd is asked for the properties of units: its own socket if the name is private, else a D-Bus bus. (default: the host's /run/systemd/private, then /run/dbus/system_bus_socket)",
            valueName: "path"))
    var systemdSocket: String?

    @Option(
        name: .customLong("io"),
        help: ArgumentHelp(
            "What to wait on: automatic, io_uring or epoll. (default: automatic)", valueName: "mechanism"))
    var io: String?
}
