internal import Glibc

/// Files of containers that are followed because the user says so: `PATH`, or `CONTAINER=PATH` for some containers only. Both may have
/// the wildcards of a shell (glob(7)); in a path, `*` and `?` do not stand for a slash.
public struct LogPathRule: Sendable, Equatable {
    /// Components of a path with wildcards.
    static let deepest = 16

    /// Of container ids; nil for all.
    let container: String?
    /// The components of the path.
    let components: [String]

    /// Nil if `text` is no such rule: a path has to be absolute, without `..`.
    public init?(_ text: String) {
        var path = text[...]
        var container: String?
        if let sign = text.firstRange(of: "=/") {
            container = String(text[..<sign.lowerBound])
            path = text[text.index(after: sign.lowerBound)...]
        }
        let components = path.split(separator: "/").map(String.init)
        guard path.hasPrefix("/"), !components.isEmpty, components.count <= Self.deepest, !components.contains(".."),
            container?.isEmpty != true
        else { return nil }
        (self.container, self.components) = (container, components)
    }

    func matches(container id: String) -> Bool {
        guard let container else { return true }
        return fnmatch(container, id, 0) == 0
    }

    static func matches(_ pattern: String, _ name: String) -> Bool {
        // A name that begins with a dot is meant only by a pattern that does.
        fnmatch(pattern, name, FNM_PERIOD) == 0
    }

    static func hasWildcard(_ component: String) -> Bool { component.utf8.contains { "*?[".utf8.contains($0) } }
}
