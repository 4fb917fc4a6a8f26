import ArgumentParser

/// `martlet-node run`: the agent itself.
struct RunCommand: AgentCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent; this is what happens without a subcommand.")

    @OptionGroup var options: AgentOptions
}
