internal import Linux

/// Finds the files of a container that a `LogPathRule` means.
enum LogPathSearch {
    /// Of all directories of one search together.
    private static let mostEntries = 50_000
    private static let mostFiles = 100

    /// The paths, as the container's processes see them; at most `mostFiles`.
    static func paths(_ rule: LogPathRule, in root: LogRoot) -> (paths: [String], isComplete: Bool) {
        var entries = mostEntries
        var directories = [""]
        for (depth, component) in rule.components.enumerated() {
            let isLast = depth == rule.components.count - 1
            guard LogPathRule.hasWildcard(component) else {
                directories = directories.map { $0 + "/" + component }
                continue
            }
            var next: [String] = []
            for directory in directories where entries > 0 && next.count < mostFiles {
                _ = try? root.names(directory.isEmpty ? "/" : directory, limit: entries) { entry in
                    entries -= 1
                    if LogPathRule.matches(component, entry.name), isLast ? !entry.isDirectory : true {
                        next.append(directory + "/" + entry.name)
                    }
                    return entries > 0 && next.count < mostFiles
                }
            }
            directories = next
        }
        return (directories, entries > 0 && directories.count < mostFiles)
    }
}
