import Synchronization

/// `--container-allowlist` and `--container-denylist`: unanchored regular expressions over `container_id`.
///
/// The syntax is that of Swift's `Regex`, which has what operators write for coroot-node-agent (`\d`, `(?:…)`, `(?i)`,
/// lazy repetition); POSIX expressions would read `\d` as the letter d and quietly match something else.
public final class ContainerFilter: Sendable {
    /// A pattern that is not a regular expression.
    public struct PatternError: Error, Sendable, CustomStringConvertible {
        /// The option that held it, `--container-denylist`.
        public let option: String
        public let pattern: String
        public let reason: String

        public var description: String {
            "\(option): '\(pattern)' is not a regular expression (\(reason)); correct or remove it"
        }
    }

    private struct Rules {
        var allow: [Regex<AnyRegexOutput>]
        var deny: [Regex<AnyRegexOutput>]
    }

    /// `Regex` is not Sendable; the lock (10 ns when free) is what makes the filter so.
    private let rules: Mutex<Rules>
    private let isEmpty: Bool

    /// Compiles the patterns; empty ones are ignored.
    public init(allow: [String] = [], deny: [String] = []) throws(PatternError) {
        let rules = Rules(
            allow: try Self.compile(allow, option: "--container-allowlist"),
            deny: try Self.compile(deny, option: "--container-denylist"))
        self.isEmpty = rules.allow.isEmpty && rules.deny.isEmpty
        self.rules = Mutex(rules)
    }

    /// Whether a container is reported. The deny list is asked first; a non-empty allow list must match.
    public func allows(_ containerID: String) -> Bool {
        if isEmpty { return true }
        return rules.withLock { rules in
            if rules.deny.contains(where: { containerID.firstMatch(of: $0) != nil }) { return false }
            return rules.allow.isEmpty || rules.allow.contains { containerID.firstMatch(of: $0) != nil }
        }
    }

    private static func compile(
        _ patterns: [String], option: String
    ) throws(PatternError) -> sending [Regex<AnyRegexOutput>] {
        var result = [Regex<AnyRegexOutput>]()
        for pattern in patterns where !pattern.isEmpty {
            do {
                result.append(try Regex(pattern).matchingSemantics(.unicodeScalar))
            } catch {
                throw PatternError(option: option, pattern: pattern, reason: "\(error)")
            }
        }
        return result
    }
}
