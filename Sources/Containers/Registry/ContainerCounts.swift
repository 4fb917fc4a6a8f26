/// How many containers the registry holds, by what became of them.
public struct ContainerCounts: Sendable {
    /// Identified and not filtered.
    public var reported = 0
    /// Waiting for metadata.
    public var pending = 0
    /// Filtered, or not a container that is reported.
    public var ignored = 0
    public var processes = 0
    public var cgroups = 0
}
