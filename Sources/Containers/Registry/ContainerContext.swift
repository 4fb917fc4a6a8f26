public import Metrics
public import Network

/// What every container is told once: settings and shared counters.
public struct ContainerContext: Sendable {
    public let filter: ConnectionFilter
    /// Inode number of the host's network namespace (that of process 1).
    public let hostNetns: UInt32
    /// No series before a container is this old, in nanoseconds.
    public let minimumAge: UInt64
    /// How long closed and idle things are kept, in nanoseconds.
    public let retention: UInt64
    /// Labels of every series; the registry may learn more of them later.
    public internal(set) var common: LabelSet
    public let drops: CounterTable
    public let faults: CounterTable
    /// Destinations behind NAT; nil where nothing tells them.
    public let translations: Translations?
    /// Labels of containers that `container_info` shows.
    public let labels: [ContainerLabel]
    /// Names of addresses.
    public let names: DomainNames
    /// Domain names of a container that are told apart in its series.
    public let maximumNames: Int
    /// For the resource of spans and logs.
    public let hostName: String
    public let hostID: String

    public init(
        filter: ConnectionFilter, hostNetns: UInt32, minimumAge: UInt64, retention: UInt64, common: LabelSet,
        drops: CounterTable, faults: CounterTable, translations: Translations? = nil,
        names: DomainNames = DomainNames(), labels: [ContainerLabel] = [], maximumNames: Int = 50,
        hostName: String = "", hostID: String = ""
    ) {
        self.filter = filter
        self.hostNetns = hostNetns
        self.minimumAge = minimumAge
        self.retention = retention
        self.common = common
        self.drops = drops
        self.faults = faults
        self.translations = translations
        self.names = names
        self.labels = labels
        self.maximumNames = maximumNames
        self.hostName = hostName
        self.hostID = hostID
    }
}
