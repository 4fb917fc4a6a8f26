public import Wire

/// The resource of OpenTelemetry under which a container's spans are exported. One object for each container, made anew
/// when a name changes: exporters group by identity.
public final class ResourceFacts: Sendable {
    /// `service.name`: the service that the container belongs to, its id where it is its own.
    public let serviceName: String
    /// `container.id`: the id under which metrics have it, such as `/k8s/NAMESPACE/POD/CONTAINER`.
    public let containerID: String
    /// `host.name`.
    public let hostName: String
    /// `host.id`: the machine id.
    public let hostID: String

    public init(serviceName: String, containerID: String, hostName: String, hostID: String) {
        (self.serviceName, self.containerID) = (serviceName, containerID)
        (self.hostName, self.hostID) = (hostName, hostID)
    }
}

extension ResourceFacts: ResourceOwner {
    public func describe(_ resource: inout ResourceEncoder) {
        resource.container(serviceName: serviceName, containerID: containerID, hostName: hostName, hostID: hostID)
    }
}
