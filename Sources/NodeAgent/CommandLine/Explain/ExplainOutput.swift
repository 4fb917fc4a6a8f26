import Containers

/// What `explain cgroup` and `explain pid` write: one JSON object a line.
struct ExplainOutput {
    private var lines: JSONLines

    init(to descriptor: Int32) { lines = JSONLines(to: descriptor) }

    /// One line. `otherwise` is the rule where nothing could be classified.
    mutating func write(
        input: String, _ classification: CgroupClassification?, identity: ContainerIdentity?, otherwise: String
    ) {
        lines.begin()
        lines.add("input", input)
        lines.add("runtime", (classification?.kind ?? .unknown).name)
        lines.add("id", String(classification?.name ?? ""))
        lines.add("container_id", identity?.containerID ?? "")
        lines.add("app_id", identity?.appID ?? "")
        lines.add("rule", classification?.rule ?? otherwise)
        lines.end()
    }

    mutating func flush() { lines.flush() }
}
