public import Logs
public import Wire

extension LogOwner: ResourceOwner {
    public func describe(_ resource: inout ResourceEncoder) {
        resource.attribute("service.name", serviceName)
        resource.attribute("container.id", containerID)
        resource.attribute("host.name", hostName)
        resource.attribute("host.id", hostID)
    }
}
