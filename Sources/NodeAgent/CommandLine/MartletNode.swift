import ArgumentParser
import Glibc

/// The command `martlet-node`: without a subcommand it runs the agent, as `martlet-node run` does.
@main
struct MartletNode: AgentCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet-node",
        abstract: "Sees every container on this machine through the kernel, and tells Prometheus.",
        usage: """
            martlet-node [run] [<option> ...]
            martlet-node top [--url <url>] [--interval <duration>] [--once]
            martlet-node cardinality [--address <url> | <file>] [--json]
            martlet-node check [<option> ...]
            martlet-node explain cgroup [<path> ...] | explain pid <pid> ... | explain log [--source <source>]
            """,
        discussion: """
            Every option can also be set by an environment variable (--scrape-interval is SCRAPE_INTERVAL; a repeated \
            option takes one value per line) or in the file of --config. A flag wins over the environment, the \
            environment over the file.
            """,
        version: "martlet-node \(Version.current)",
        subcommands: [
            RunCommand.self, TopCommand.self, CardinalityCommand.self, CheckCommand.self, ExplainCommand.self,
        ])

    @OptionGroup var options: AgentOptions

    /// Parses, runs and exits. On the main actor: the command line is small and made once.
    @MainActor
    static func main() async {
        do {
            var command = try parse(arguments: Array(CommandLine.arguments.dropFirst()))
            let isLong = command is any AgentCommand || command is TopCommand
            if isLong { TerminationSignal.takeOver() }
            if let agent = command as? any AgentCommand {
                let prepared = try agent.prepare()
                TerminationSignal.watch()
                let code = await Agent.run(prepared)
                if code != 0 { throw ExitCode(code) }
                return
            }
            if isLong { TerminationSignal.watch() }
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Glibc.exit(report(error))
        }
    }

    /// The command that the arguments ask for. An empty value may be written `--option=`, which the parser takes for a
    /// missing one.
    static func parse(arguments: [String]) throws -> any ParsableCommand {
        try parseAsRoot(
            arguments.flatMap { argument in
                argument.hasPrefix("--") && argument.hasSuffix("=") ? [String(argument.dropLast()), ""] : [argument]
            })
    }

    /// Says what went wrong, in one line, and returns the exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let error = error as? UsageError {
            StandardStreams.complain(error.description)
            return ExitStatus.usage
        }
        let code = exitCode(for: error)
        if error is ExitCode { return code.rawValue }
        if code == .success {
            // --help and --version.
            StandardStreams.print(fullMessage(for: error))
            return 0
        }
        StandardStreams.complain("\(UsageError.oneLine(message(for: error))); see martlet-node --help")
        return ExitStatus.usage
    }
}
