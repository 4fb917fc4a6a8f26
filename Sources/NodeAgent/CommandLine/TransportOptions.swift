import ArgumentParser

/// Who the agent says it is to the receivers of metrics.
struct TransportOptions: ParsableArguments {
    @Option(
        name: .customLong("client-cert"),
        help: ArgumentHelp("Certificate to show to receivers, with its chain, in PEM.", valueName: "file"))
    var clientCert: String?

    @Option(
        name: .customLong("client-key"),
        help: ArgumentHelp("Its key, in PEM.", valueName: "file"))
    var clientKey: String?

    @Option(
        name: .customLong("bearer-token"),
        help: ArgumentHelp("Token; better given as BEARER_TOKEN, which others cannot see.", valueName: "token"))
    var bearerToken: String?

    @Option(
        name: .customLong("bearer-token-file"),
        help: ArgumentHelp("File with the token; read again when it changes.", valueName: "file"))
    var bearerTokenFile: String?

    @Option(
        name: .customLong("basic-auth-user"),
        help: ArgumentHelp("User name.", valueName: "name"))
    var basicAuthUser: String?

    @Option(
        name: .customLong("basic-auth-password-file"),
        help: ArgumentHelp("File with the password; read again when it changes.", valueName: "file"))
    var basicAuthPasswordFile: String?

    @Option(
        name: .customLong("header"),
        help: ArgumentHelp(
            "HTTP header to send with every request; may be given more than once.", valueName: "name=value"))
    var header: [String] = []
}
