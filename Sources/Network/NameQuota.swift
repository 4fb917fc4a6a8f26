/// The names that one container may have series of: the first so many, everything else is `~other`.
public struct NameQuota: Sendable {
    public static let other = "~other"

    private let limit: Int
    private var seen = Set<String>()

    public init(limit: Int) { self.limit = limit }

    /// The label value for a name.
    public mutating func admit(_ name: String) -> String {
        if seen.contains(name) { return name }
        guard seen.count < limit else { return Self.other }
        seen.insert(name)
        return name
    }
}
