import ArgumentParser

/// `martlet-node explain`: who a container is and what is made of a log, and why.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Say which container a control group or a process belongs to, or what is made of log lines and requests.",
        discussion: """
            For groups and processes it writes one JSON object a line: input, runtime, id (as the path has it), \
            container_id (empty where only the runtime knows the name), app_id, rule.
            """,
        subcommands: [
            ExplainCgroupCommand.self, ExplainPidCommand.self, ExplainLogCommand.self, ExplainRequestCommand.self,
        ])
}
