import ArgumentParser

/// What the agent gives up once everything is attached.
struct PrivilegeOptions: ParsableArguments {
    @Flag(
        name: .customLong("drop-privileges"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Give up every capability that nothing needs once all is attached. (default: no)"))
    var dropPrivileges: Bool?

    @Option(
        name: .customLong("keep-capabilities"),
        help: ArgumentHelp(
            "Keep only these; what needs others is switched off. Gives up the rest.", valueName: "list|none"))
    var keepCapabilities: String?

    @Option(
        name: .customLong("run-as"),
        help: ArgumentHelp(
            "Become this user once all is attached. Gives up capabilities too.", valueName: "user[:group]"))
    var runAs: String?

    @Flag(
        name: .customLong("seccomp"), inversion: .prefixedNo,
        help: ArgumentHelp(
            "Have the kernel refuse system calls that the agent never makes. (default: no)"))
    var seccomp: Bool?
}
