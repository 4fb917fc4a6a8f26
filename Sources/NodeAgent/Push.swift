import Export
import Host
import Linux
import Logging
import Metrics
import Ring
import Spool

/// Pushing as the agent runs it: the senders, their spools on disk, and the thread on which the spools' files are used.
final class Push: Sendable {
    let metrics: MetricsPush
    /// The URLs, for people.
    let receivers: String
    private let lane: Lane

    /// Nil without an endpoint. Throws `SpoolError` where the user named a directory that cannot be used; the default one
    /// is done without then.
    init?(
        _ configuration: Configuration, _ identity: MachineIdentity, _ source: any SnapshotSource, _ logger: Logger
    ) throws {
        if configuration.metricsEndpoints.isEmpty { return nil }
        let endpoints = try configuration.metricsEndpoints.map { try Export.Endpoint($0) }
        receivers = endpoints.map(\.description).joined(separator: ", ")
        lane = try Lane(name: "spool", backend: .epoll)
        let spools = try Self.open(configuration, endpoints, lane, logger)
        var push = PushConfiguration(
            endpoints: endpoints,
            // Of two labels with one name the later wins.
            extraLabels: LabelSet([("job", "coroot-node-agent"), ("instance", identity.instanceName)])
                .adding(configuration.externalLabels.pairs),
            userAgent: "martlet-node/\(Version.current)")
        push.transport = configuration.transport
        push.metricsProtocol = configuration.metricsProtocol
        push.compression = configuration.metricsCompression
        push.maximumShards = configuration.pushShards
        push.interval = .nanoseconds(Int64(clamping: configuration.scrapeInterval))
        metrics = try MetricsPush(push, source: source, spools: spools, logger: logger)
        try lane.start()
    }

    /// Ends the spools' thread; pushing must have been shut down.
    func stop() { lane.stop() }

    /// A spool for each endpoint; all of them together keep to the limit.
    private static func open(
        _ configuration: Configuration, _ endpoints: [Export.Endpoint], _ lane: Lane, _ logger: Logger
    ) throws(SpoolError) -> [Spool?] {
        guard configuration.maximumSpoolBytes > 0 else { return [] }
        let settings = SpoolConfiguration(
            maximumBytes: configuration.maximumSpoolBytes / endpoints.count, durability: configuration.spoolDurability)
        let directories = SpoolDirectories(
            below: configuration.walDirectory + "/martlet",
            owners: endpoints.map { "\(configuration.metricsProtocol.spoolFamily) \($0.description)" })
        for directory in directories.abandoned {
            logger.warning(
                """
                \(directory.path) holds requests for \(directory.owner), which no option names any more: name it again to \
                have them sent, or remove the directory
                """)
        }
        var spools: [Spool?] = []
        for directory in directories.assigned {
            do throws(SpoolError) {
                let spool = try Spool(directory: directory.path, settings, executor: lane)
                let aside = spool.statistics.asideFiles
                if aside > 0 {
                    logger.error(
                        """
                        \(aside) files in \(directory.path) are damaged or of another version: moved aside, look for \
                        *.aside there; what they hold is not sent
                        """)
                }
                spools.append(spool)
                directory.mark()
            } catch {
                guard !configuration.walDirectoryIsExplicit else { throw error }
                logger.warning("requests that cannot be sent wait in memory only: \(error)")
                spools.append(nil)
            }
        }
        return spools
    }
}
