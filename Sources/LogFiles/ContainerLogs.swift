internal import Logs

/// The messages of one container, from all its sources.
final class ContainerLogs {
    let owner: LogOwner
    /// By the label `source`.
    private(set) var sources: [String: SourceLogs] = [:]
    private let extractions: RateLimit
    private let settings: LogSettings

    init(owner: LogOwner, settings: LogSettings) {
        (self.owner, self.settings) = (owner, settings)
        extractions = RateLimit(perSecond: settings.patternExtractionLimit)
    }

    func source(_ name: String) -> SourceLogs {
        if let known = sources[name] { return known }
        let made = SourceLogs(name, of: owner, extractions, settings: settings)
        sources[name] = made
        return made
    }
}
