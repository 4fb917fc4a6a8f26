public import Host

/// What the registry is told at start.
public struct RegistryConfiguration: Sendable {
    public let context: ContainerContext
    public let layout: CgroupLayout
    public let containerFilter: ContainerFilter
    public let serviceFilter: SystemdServiceFilter
    public let identity: IdentityOptions

    public init(
        context: ContainerContext, layout: CgroupLayout, containerFilter: ContainerFilter,
        serviceFilter: SystemdServiceFilter, identity: IdentityOptions = IdentityOptions()
    ) {
        self.context = context
        self.layout = layout
        self.containerFilter = containerFilter
        self.serviceFilter = serviceFilter
        self.identity = identity
    }
}
