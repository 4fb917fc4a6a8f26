internal import Logs
internal import Metrics

extension Container {
    /// Processes of a container through which its files are looked for.
    private static let mostLogProcesses = 64

    /// Nil if its logs are not to be read.
    var logRequest: LogRequest? {
        guard let identity, !optOut.contains(.logs) else { return nil }
        let (unit, runtimeID) = Self.journalNames(classification)
        return LogRequest(
            containerID: identity.containerID,
            serviceName: identity.appID.isEmpty ? identity.containerID : identity.appID, logPath: metadata.logPath,
            unit: unit, runtimeID: runtimeID,
            processes: Array(processes.keys.prefix(Self.mostLogProcesses)), startedAt: startedAt ?? createdAt)
    }

    /// By which its entries in the host's journal are known, both empty if it can have none.
    static func journalNames(_ classification: CgroupClassification) -> (unit: String, runtimeID: String) {
        if classification.kind == .systemd { return (String(classification.name), "") }
        return ("", classification.rawID.utf8.count == 64 ? classification.rawID : "")
    }

    func update(_ reading: LogReading) { logs[reading.source] = reading.patterns }

    func emitLogs(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        for (source, patterns) in logs {
            var sets = logLabels[source] ?? []
            for (index, pattern) in patterns.enumerated() {
                if index == sets.count {
                    sets.append(
                        labels.adding([
                            ("source", source), ("level", "\(pattern.level.name)"), ("pattern_hash", pattern.hash),
                            ("sample", pattern.sample),
                        ]))
                }
                snapshot.add(.containerLogMessagesTotal, sets[index], Double(pattern.count))
            }
            logLabels[source] = sets
        }
    }
}
