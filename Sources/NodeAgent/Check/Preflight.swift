import Glibc
import Kernel
import Linux

/// What must be granted before the agent starts.
struct Preflight {
    let capabilities: Capabilities
    /// Whether the effective user is root, who owns what the container runtimes keep on disk.
    let isRoot: Bool
    /// The agent's own file, for the advice.
    let program: String

    init(capabilities: Capabilities, isRoot: Bool, program: String) {
        self.capabilities = capabilities
        self.isRoot = isRoot
        self.program = program
    }

    /// This process.
    static func current() -> Preflight {
        Preflight(
            capabilities: .current(), isRoot: geteuid() == 0,
            program: (try? SmallFile.link("/proc/self/exe")) ?? "martlet-node")
    }

    /// What the agent cannot do without. `CAP_SYS_RESOURCE` is never among it; without `CAP_SYS_ADMIN` only other
    /// network namespaces stay closed.
    var missing: [Capabilities.Name] {
        var missing = capabilities.missingForCore
        if !capabilities.has(.sysPtrace) { missing.append(.sysPtrace) }
        if !isRoot, !capabilities.has(.dacReadSearch) { missing.append(.dacReadSearch) }
        return missing
    }

    /// Nil if the agent may start; otherwise one line that says what is missing and how to grant it.
    var refusal: String? {
        let missing = missing
        if missing.isEmpty { return nil }
        let list = missing.map { "\($0.text) (\($0.purpose))" }.joined(separator: ", ")
        let advice =
            isRoot
            ? "add \(missing.count == 1 ? "it" : "them") to the container or unit, or run it privileged"
            : "run as root or: setcap \(Self.grant)+ep \(UsageError.oneLine(program))"
        return "missing \(list); \(advice)"
    }

    /// All that the agent uses with the default settings, in the form of setcap(8).
    private static let grant = Privilege.table.filter { $0.isWanted(Privilege.Situation()) }
        .reduce(into: Set<Capabilities.Name>()) { $0.formUnion($1.start + $1.running) }
        .sorted { $0.rawValue < $1.rawValue }.map { $0.text.lowercased() }.joined(separator: ",")
}
