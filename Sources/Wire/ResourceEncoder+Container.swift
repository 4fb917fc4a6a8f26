extension ResourceEncoder {
    /// The container that logs or spans come from, and its host, by the names of OpenTelemetry's semantic conventions for
    /// resources.
    public mutating func container(serviceName: String, containerID: String, hostName: String, hostID: String) {
        attribute("service.name", serviceName)
        attribute("container.id", containerID)
        attribute("host.name", hostName)
        attribute("host.id", hostID)
    }
}
