/// The facts of a container's live processes, and what follows from all of them.
///
/// Invariants: `applications` counts the processes in `facts` by each type; a process without any fact takes no room. Forgetting
/// allocates nothing.
struct ProcessFactsTable {
    private var facts: [UInt32: ProcessFacts] = [:]
    /// Processes of each type.
    private(set) var applications: [ApplicationType: Int] = [:]
    /// What at least one live process opts out of.
    private(set) var optOut: SignalOptOut = []

    /// `new` replaces what was known of the process.
    mutating func learn(_ new: ProcessFacts, of pid: UInt32) {
        forget(pid)
        if new == ProcessFacts() { return }
        facts[pid] = new
        for type in Self.types(new) { applications[type, default: 0] += 1 }
        optOut.formUnion(new.optOut)
    }

    mutating func forget(_ pid: UInt32) {
        guard let old = facts.removeValue(forKey: pid) else { return }
        if let type = old.application { remove(type) }
        if let type = old.language, type != old.application { remove(type) }
        if old.optOut.isEmpty { return }
        optOut = []
        for other in facts.values { optOut.formUnion(other.optOut) }
    }

    mutating func merge(_ other: ProcessFactsTable) {
        for (pid, facts) in other.facts { learn(facts, of: pid) }
    }

    private mutating func remove(_ type: ApplicationType) {
        guard let count = applications[type] else { return }
        applications[type] = count > 1 ? count - 1 : nil
    }

    private static func types(_ facts: ProcessFacts) -> Set<ApplicationType> {
        Set([facts.application, facts.language].compactMap(\.self))
    }
}
