import ArgumentParser

/// Which containers are reported.
struct ContainerOptions: ParsableArguments {
    @Option(
        name: .customLong("cgroupfs-root"),
        help: ArgumentHelp(
            "Where the node's control groups are mounted. (default: /sys/fs/cgroup)", valueName: "directory"))
    var cgroupfsRoot: String?

    @Flag(
        name: .customLong("skip-systemd-system-services"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Leave out services that come with the system. (default: yes)"))
    var skipSystemdSystemServices: Bool?

    @Flag(
        name: .customLong("user-services"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Report services of users' own systemds. (default: no)"))
    var userServices: Bool?

    @Flag(
        name: .customLong("compose-app-id"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Name applications of compose projects /compose/PROJECT/SERVICE. (default: no)"))
    var composeAppID: Bool?

    @Option(
        name: .customLong("container-label"),
        help: ArgumentHelp(
            "Copy this label of containers to container_info, as label_NAME; may be repeated.", valueName: "name"))
    var containerLabel: [String] = []

    @Option(
        name: .customLong("container-allowlist"),
        help: ArgumentHelp(
            "Report only containers whose id matches; may be repeated.", valueName: "regex"))
    var containerAllowlist: [String] = []

    @Option(
        name: .customLong("container-denylist"),
        help: ArgumentHelp(
            "Leave out containers whose id matches; may be repeated.", valueName: "regex"))
    var containerDenylist: [String] = []

    @Option(
        name: .customLong("min-container-age"),
        help: ArgumentHelp(
            "Report a container from this age on; 0 reports all. (default: 30s)", valueName: "duration"))
    var minContainerAge: String?
}
