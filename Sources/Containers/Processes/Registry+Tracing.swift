extension Registry {
    /// Live processes, at most `limit`, of those containers that ever had a connection or a listening socket and whose traces
    /// nobody opted out of.
    public func tracedProcesses(limit: Int) -> [TracedProcess] {
        var found = [TracedProcess]()
        for container in byID.values {
            container.assumeIsolated { container in
                let isListening = !container.listens.isEmpty
                guard isListening || container.hasConnected, container.isInspectable,
                    !container.optOut.contains(.traces)
                else { return }
                for (pid, start) in container.processes where found.count < limit {
                    found.append(TracedProcess(pid: pid, start: start, isListening: isListening))
                }
            }
        }
        return found
    }
}
