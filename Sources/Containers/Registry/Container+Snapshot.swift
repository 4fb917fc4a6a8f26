internal import Host
internal import Linux
public import Metrics
internal import Network

extension Container {
    /// Whether the container is old enough to be shown. Its age runs from its first process, or from when the agent found
    /// it if that was earlier, to its end.
    private func isOldEnough(now: UInt64) -> Bool {
        if context.minimumAge == 0 { return true }
        let begin = min(startedAt ?? createdAt, createdAt)
        let end = processes.isEmpty ? lastExit ?? now : now
        return end > begin && end - begin >= context.minimumAge
    }

    /// Appends the container's series, if it is identified and old enough.
    public func emit(into snapshot: inout MetricsSnapshot, now: UInt64) {
        guard successor == nil, let labels, isOldEnough(now: now) else { return }
        if let infoLabels { snapshot.add(.containerInfo, infoLabels, 1) }
        // What the agent counts itself began with its first sight of the container.
        snapshot.countersBegan(at: createdAt, now: now)
        snapshot.add(.containerRestartsTotal, labels, Double(restarts))
        snapshot.add(.martletContainerProcesses, labels, Double(processes.count))
        if oomKills > 0 { snapshot.add(.containerOomKillsTotal, labels, Double(oomKills)) }
        if acceptedConnections > 0 {
            snapshot.add(.martletContainerAcceptedConnectionsTotal, labels, Double(acceptedConnections))
        }
        emitRequests(into: &snapshot, labels)
        emitLogs(into: &snapshot, labels)
        // What the kernel counts for its cgroup, processes and sockets began with the container.
        snapshot.countersBegan(at: min(startedAt ?? createdAt, createdAt), now: now)
        emitFacts(into: &snapshot, labels)
        emitUsage(into: &snapshot, labels)
        emitGPUs(into: &snapshot, labels, now: now)
        emitDelays(into: &snapshot, labels)
        emitDisks(into: &snapshot, labels)
        emitConnections(into: &snapshot, labels)
        emitLatencies(into: &snapshot, labels)
        emitListens(into: &snapshot, labels)
    }

    /// The container's series alone.
    func snapshot(now: UInt64) -> MetricsSnapshot {
        var snapshot = MetricsSnapshot(timestamp: 0)
        emit(into: &snapshot, now: now)
        return snapshot
    }

    private func emitFacts(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        for type in facts.applications.keys {
            let set = applicationLabels[type] ?? labels.adding([("application_type", type.rawValue)])
            applicationLabels[type] = set
            snapshot.add(.containerApplicationType, set, 1)
        }
        let optOut = optOut
        for (_, signal, option) in SignalOptOut.names where optOut.contains(option) {
            let set = optOutLabels[option] ?? labels.adding([("signal", signal)])
            optOutLabels[option] = set
            snapshot.add(.martletContainerOptedOut, set, 1)
        }
    }

    private func emitUsage(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        if let value = usage.cpuLimitCores { snapshot.add(.containerResourcesCpuLimitCores, labels, value) }
        if let value = usage.cpuUsageSeconds {
            snapshot.add(.containerResourcesCpuUsageSecondsTotal, labels, value)
        }
        if let value = usage.cpuThrottledSeconds {
            snapshot.add(.containerResourcesCpuThrottledSecondsTotal, labels, value)
        }
        if let value = usage.memoryRSS { snapshot.add(.containerResourcesMemoryRssBytes, labels, Double(value)) }
        if let value = usage.memoryCache { snapshot.add(.containerResourcesMemoryCacheBytes, labels, Double(value)) }
        if let value = usage.memoryLimit { snapshot.add(.containerResourcesMemoryLimitBytes, labels, Double(value)) }
        guard let cpu = usage.cpuPressure, let memory = usage.memoryPressure, let io = usage.ioPressure else { return }
        let kinds = pressureLabels ?? (labels.adding([("kind", "some")]), labels.adding([("kind", "full")]))
        pressureLabels = kinds
        let families: [(MetricFamily, CgroupUsage.Pressure)] = [
            (.containerResourcesCpuPressureWaitingSecondsTotal, cpu),
            (.containerResourcesMemoryPressureWaitingSecondsTotal, memory),
            (.containerResourcesIoPressureWaitingSecondsTotal, io),
        ]
        for (family, pressure) in families {
            snapshot.add(family, kinds.some, pressure.some)
            snapshot.add(family, kinds.full, pressure.full)
        }
    }

    private func emitConnections(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        if acceptedConnections > 0 {
            let directions =
                directionLabels
                ?? (labels.adding([("direction", "sent")]), labels.adding([("direction", "received")]))
            directionLabels = directions
            snapshot.add(.martletContainerInboundBytesTotal, directions.sent, Double(inboundBytesSent))
            snapshot.add(.martletContainerInboundBytesTotal, directions.received, Double(inboundBytesReceived))
        }
        for destination in destinations.values {
            if destination.failedConnects > 0 {
                let set =
                    destination.failureLabels
                    ?? labels.adding([("destination", names(of: destination).destination)])
                destination.failureLabels = set
                snapshot.add(.containerNetTcpFailedConnectsTotal, set, Double(destination.failedConnects))
            }
            if destination.successfulConnects == 0 { continue }
            let set = destination.labels ?? connectionLabels(destination, labels)
            destination.labels = set
            snapshot.add(.containerNetTcpSuccessfulConnectsTotal, set, Double(destination.successfulConnects))
            snapshot.add(
                .containerNetTcpConnectionTimeSecondsTotal, set, Double(destination.connectionNanoseconds) / 1e9)
            snapshot.add(.containerNetTcpActiveConnections, set, Double(max(destination.activeConnections, 0)))
            if destination.retransmits > 0 {
                snapshot.add(.containerNetTcpRetransmitsTotal, set, Double(destination.retransmits))
            }
            snapshot.add(.containerNetTcpBytesSentTotal, set, Double(destination.bytesSent))
            snapshot.add(.containerNetTcpBytesReceivedTotal, set, Double(destination.bytesReceived))
            destination.requests.emit(into: &snapshot, set)
        }
    }

    private func connectionLabels(_ destination: TCPDestination, _ labels: LabelSet) -> LabelSet {
        let names = names(of: destination)
        return labels.adding([("destination", names.destination), ("actual_destination", names.actual)])
    }

    /// The labels of a destination; a name that stands for its addresses leaves the actual one empty.
    private func names(of destination: TCPDestination) -> (destination: String, actual: String) {
        let key = destination.key
        if key.name != 0 { return ("\(context.names.text(key.name)):\(key.destination.port)", "") }
        return (key.destination.description, key.actual.description)
    }

    private func emitListens(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        // Several sockets may stand for one address (IPv4 and IPv6, several namespaces): open wins.
        var open: [String: Bool] = [:]
        for (key, state) in listens {
            let isHostNetwork = key.netns == context.hostNetns
            let isOpen = state.openSockets > 0
            if key.endpoint.address.isUnspecified {
                for local in localAddresses[key.netns] ?? [] where isHostNetwork || !local.isLoopback {
                    // A socket on 0.0.0.0 takes no IPv6; one on :: takes both unless told otherwise.
                    if !key.endpoint.address.isIPv6, local.address.isIPv6 { continue }
                    open[Endpoint(address: local.address, port: key.endpoint.port).description, default: false] =
                        open[Endpoint(address: local.address, port: key.endpoint.port).description] == true || isOpen
                }
            } else if isHostNetwork || !key.endpoint.address.isLoopback {
                let name = key.endpoint.description
                open[name] = open[name] == true || isOpen
            }
        }
        for (name, isOpen) in open {
            snapshot.add(.containerNetTcpListenInfo, listenSet(name, proxy: "", labels), isOpen ? 1 : 0)
        }
        for port in metadata.publishedPorts where !context.filter.isEphemeral(port.hostPort) {
            for name in publishedAddresses(port) {
                snapshot.add(.containerNetTcpListenInfo, listenSet(name, proxy: "dockerd", labels), 1)
            }
        }
    }

    private func publishedAddresses(_ port: ContainerMetadata.PublishedPort) -> [String] {
        let address = IPAddress(text: port.hostIP.isEmpty ? "0.0.0.0" : port.hostIP)
        guard let address else { return [] }
        if !address.isUnspecified { return [Endpoint(address: address, port: port.hostPort).description] }
        return hostAddresses.filter { $0.isIPv6 == address.isIPv6 && !$0.isLoopback }
            .map { Endpoint(address: $0, port: port.hostPort).description }
    }

    private func listenSet(_ name: String, proxy: String, _ labels: LabelSet) -> LabelSet {
        if let known = listenLabels[proxy + name] { return known }
        let made = labels.adding([("listen_addr", name), ("proxy", proxy)])
        listenLabels[proxy + name] = made
        return made
    }
}
