public import Logs
public import Wire

extension LogOwner: ResourceOwner {
    public func describe(_ resource: inout ResourceEncoder) {
        resource.container(serviceName: serviceName, containerID: containerID, hostName: hostName, hostID: hostID)
    }
}
