import Export
import Host
import Linux
import Logging
import Metrics
import Ring
import Spool

/// Remote write as the agent runs it: the sender, its spool on disk, and the thread on which the spool's files are used.
final class Push: Sendable {
    let sender: RemoteWriteSender
    /// Nil where requests wait in memory only.
    let spool: Spool?
    private let lane: Lane

    /// Nil without an endpoint. Throws `SpoolError` where the user named a directory that cannot be used; the default one
    /// is done without then.
    init?(
        _ configuration: Configuration, _ identity: MachineIdentity, _ source: any SnapshotSource, _ logger: Logger
    ) throws {
        guard let url = configuration.metricsEndpoint else { return nil }
        lane = try Lane(name: "spool", backend: .epoll)
        spool = try Self.open(configuration, lane, logger)
        // Of two labels with one name the later wins.
        let labels = LabelSet([("job", "coroot-node-agent"), ("instance", identity.instanceName)])
            .adding(configuration.externalLabels.pairs)
        var remote = RemoteWriteConfiguration(
            endpoint: try Export.Endpoint(url), extraLabels: labels, userAgent: "martlet-node/\(Version.current)")
        remote.apiKey = configuration.apiKey
        remote.caFile = configuration.caFile
        remote.skipsVerification = configuration.insecureSkipVerify
        remote.interval = .nanoseconds(Int64(configuration.scrapeInterval))
        sender = try RemoteWriteSender(remote, source: source, spool: spool, logger: logger)
        try lane.start()
    }

    /// Ends the spool's thread; the sender must have been shut down.
    func stop() { lane.stop() }

    private static func open(_ configuration: Configuration, _ lane: Lane, _ logger: Logger) throws(SpoolError)
        -> Spool?
    {
        guard configuration.maximumSpoolBytes > 0 else { return nil }
        let settings = SpoolConfiguration(
            maximumBytes: configuration.maximumSpoolBytes, durability: configuration.spoolDurability)
        do throws(SpoolError) {
            return try Spool(directory: configuration.walDirectory + "/martlet/metrics", settings, executor: lane)
        } catch {
            guard !configuration.walDirectoryIsExplicit else { throw error }
            logger.warning("requests that cannot be sent wait in memory only: \(error)")
            return nil
        }
    }
}
