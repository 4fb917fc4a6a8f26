/// What the agent knows of one process beyond its cgroup: as small as can be, because there is one for every process of every
/// container.
struct ProcessFacts: Sendable, Hashable {
    /// By its command line.
    var application: ApplicationType?
    /// By its executable: `golang`, `rust` or `dotnet`.
    var language: ApplicationType?
    var optOut: SignalOptOut = []
}
