import ArgumentParser
import Logging

/// `martlet-node run`: the agent itself.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent; this is what happens without a subcommand.")

    @OptionGroup var options: AgentOptions

    func run() async throws { try await Self.run(options) }

    /// Runs until a signal ends it. Throws `UsageError`, or the exit code if that is not 0.
    static func run(_ options: AgentOptions) async throws {
        let configuration = try options.configuration()
        if let refusal = Preflight.current().refusal {
            StandardStreams.complain(refusal)
            throw ExitCode(ExitStatus.notPermitted)
        }
        let sink = LogSink(perSecond: configuration.logPerSecond, burst: configuration.logBurst)
        let level = Logger.Level(rawValue: configuration.logLevel) ?? .info
        let logger = Logger(label: "martlet") { _ in AgentLogHandler(sink: sink, level: level) }
        let code = await Agent.run(configuration, logger: logger)
        if code != 0 { throw ExitCode(code) }
    }
}
