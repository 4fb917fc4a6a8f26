import Export
import Host
import Logging
import Metrics

/// Pushing of metrics as the agent runs it.
final class Push: Sendable {
    let metrics: MetricsPush
    /// The URLs, for people.
    let receivers: String

    /// Nil without an endpoint. Throws `SpoolError` where the user named a directory that cannot be used.
    init?(
        _ configuration: Configuration, _ identity: MachineIdentity, _ source: any SnapshotSource, _ spools: Spools,
        _ logger: Logger
    ) throws {
        if configuration.metricsEndpoints.isEmpty { return nil }
        let endpoints = try configuration.metricsEndpoints.map { try Export.Endpoint($0) }
        receivers = endpoints.map(\.description).joined(separator: ", ")
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
        metrics = try MetricsPush(
            push, source: source,
            spools: try spools.open("metrics", family: configuration.metricsProtocol.spoolFamily, endpoints),
            logger: logger)
    }
}
