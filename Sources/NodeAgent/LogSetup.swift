import Containers
import Host
import Linux
import LogFiles
import Logging
import Logs
import Metrics
import Ring
import Signals

/// Has the logs of containers read.
enum LogSetup {
    /// A lane and what reads on it.
    struct Reading {
        let lane: Lane
        let signal: LogSignal
    }

    /// Nil where logs are not to be read.
    static func make(
        _ configuration: Configuration, _ identity: MachineIdentity, _ registry: Registry, sink: (any Logs.LogSink)?,
        drops: CounterTable, faults: CounterTable
    ) throws -> Reading? {
        guard configuration.readsLogs else { return nil }
        let lane = try Lane(name: "logs", backend: configuration.backend)
        try lane.start()
        var settings = configuration.logs
        // Without a receiver nothing is owed to anybody.
        if sink != nil || configuration.walDirectoryIsExplicit {
            settings.checkpointPath = configuration.walDirectory + "/martlet/logs.checkpoint"
        }
        let (hostName, hostID, chosen) = (identity.instanceName, identity.machineID, settings)
        let signal = LogSignal(lane: lane, registry: registry) {
            LogSources(
                settings: chosen, sink: sink, hostRoot: HostRoot.path(), hostName: hostName, hostID: hostID,
                drops: drops, faults: faults)
        }
        return Reading(lane: lane, signal: signal)
    }

    static func start(_ reading: Reading, interval: UInt64, _ features: FeatureTable, _ logger: Logger) async {
        let (journal, problem) = await reading.signal.start(interval: interval)
        features.set("journal", isEnabled: journal != nil)
        if let journal {
            logger.info("logs are read; the journal is that in \(journal)")
        } else {
            logger.info("logs are read, but no journal: \(problem)")
        }
    }
}
