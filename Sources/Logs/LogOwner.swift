/// Whose a message is: the resource of OpenTelemetry's log data model under which it is exported. One object for each
/// container, so that an exporter groups by identity.
public final class LogOwner: Sendable {
    /// `service.name`: the service that the container belongs to, its id where it is its own (docs/compatibility.md).
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
