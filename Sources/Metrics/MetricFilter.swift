/// `--metric-allowlist` and `--metric-denylist`: names of metrics, with `*` for any characters and `?` for one.
///
/// The deny list wins; an allow list that is not empty must match. `up` is no metric of the agent but the sign that it runs, as
/// the one that Prometheus adds to what it scrapes: only a deny list that names it takes it away.
public struct MetricFilter: Sendable {
    /// Families that are left out.
    public let denied: [MetricFamily]
    /// Patterns that no metric has.
    public let unmatched: [String]

    /// Patterns for which `isPattern` is false match nothing.
    public init(allow: [String] = [], deny: [String] = []) {
        denied = MetricFamily.allCases.filter { family in
            if family == .up { return deny.contains(family.name) }
            if deny.contains(where: { Self.matches(family.name, $0) }) { return true }
            return !allow.isEmpty && !allow.contains { Self.matches(family.name, $0) }
        }
        unmatched = (allow + deny).filter { pattern in
            !MetricFamily.allCases.contains { Self.matches($0.name, pattern) }
        }
    }

    /// Takes the denied families out of a snapshot.
    public func apply(to snapshot: inout MetricsSnapshot) {
        for family in denied { snapshot.remove(family) }
    }

    /// Whether a text can be a pattern: characters of metric names, `*` and `?`.
    public static func isPattern(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 256
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "*"),
                    UInt8(ascii: "?"):
                    true
                default: false
                }
            }
    }

    /// Whether a pattern takes in the whole of a name.
    public static func matches(_ name: String, _ pattern: String) -> Bool {
        let (name, pattern) = (Array(name.utf8), Array(pattern.utf8))
        var (position, next) = (0, 0)
        // Where the last star is, and where what it stands for ends.
        var star: (pattern: Int, end: Int)?
        while position < name.count {
            if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
                star = (next, position)
                next += 1
            } else if next < pattern.count, pattern[next] == name[position] || pattern[next] == UInt8(ascii: "?") {
                position += 1
                next += 1
            } else if let last = star {
                star = (last.pattern, last.end + 1)
                position = last.end + 1
                next = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
