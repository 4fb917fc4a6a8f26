import ArgumentParser
import Logging

/// A command that is the agent. `MartletNode.main` prepares it before the process has a second thread, and runs it then:
/// capabilities belong to threads, and what the first one gives up, the later ones never get.
protocol AgentCommand: ParsableCommand {
    var options: AgentOptions { get }
}

extension AgentCommand {
    /// Checks the settings and what is granted, attaches everything and gives up privileges. Throws `UsageError`, or the exit
    /// code after having said why.
    func prepare() throws -> PreparedAgent {
        let configuration = try options.configuration()
        if let refusal = Preflight.current().refusal {
            StandardStreams.complain(refusal)
            throw ExitCode(ExitStatus.notPermitted)
        }
        let sink = LogSink(perSecond: configuration.logPerSecond, burst: configuration.logBurst)
        let level = Logger.Level(rawValue: configuration.logLevel) ?? .info
        let logger = Logger(label: "martlet") { _ in AgentLogHandler(sink: sink, level: level) }
        do {
            return try PreparedAgent(configuration, logger: logger, dropsPrivileges: true)
        } catch {
            logger.critical("\(error)")
            throw ExitCode(1)
        }
    }
}
