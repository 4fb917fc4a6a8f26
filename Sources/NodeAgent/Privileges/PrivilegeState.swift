import Kernel

/// Which parts of the agent have the capabilities that they need while it runs, of those that do not find that out themselves.
struct PrivilegeState: Sendable {
    struct Part: Sendable {
        let feature: String
        let isEnabled: Bool
        /// One line; empty where nothing is missing.
        let reason: String
    }

    let parts: [Part]

    /// - Parameter held: the capabilities that the agent has from now on.
    init(_ situation: Privilege.Situation, held: Capabilities) {
        let rows = Privilege.table.filter { !$0.isProbed && !$0.running.isEmpty && $0.isWanted(situation) }
        parts = rows.map { row in
            let missing = row.running.filter { !held.has($0) }.map(\.text)
            let reason = missing.isEmpty ? "" : "without \(missing.joined(separator: " and ")): \(row.loss)"
            return Part(feature: row.feature, isEnabled: missing.isEmpty, reason: reason)
        }
    }

    func isEnabled(_ feature: String) -> Bool { parts.contains { $0.feature == feature && $0.isEnabled } }
}
