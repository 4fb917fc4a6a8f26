/// The version of this agent, as `--version` and `node_agent_info` show it.
enum Version {
    static let current = "0.1.0"
}
