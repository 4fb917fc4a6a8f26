import ArgumentParser

/// `martlet-node check`: what this kernel and these capabilities allow.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what this kernel and these capabilities allow, feature by feature.",
        discussion: """
            Loads and attaches everything once, and takes it down again. With --seccomp it puts itself under the filter \
            and tries what the filter must refuse. The exit code is 0, or 1 if the agent cannot run, or 64 if a setting \
            is wrong.
            """)

    @OptionGroup var options: AgentOptions

    func run() throws {
        let report = CheckReport.gather(try options.configuration())
        for line in report.lines { StandardStreams.print(line) }
        if !report.canRun { throw ExitCode(1) }
    }
}
