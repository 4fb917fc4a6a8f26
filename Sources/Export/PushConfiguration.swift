public import Metrics
public import Wire

/// What `MetricsPush` sends, where to and how.
public struct PushConfiguration: Sendable {
    /// Each gets every snapshot, on its own.
    public var endpoints: [Endpoint]
    public var metricsProtocol = MetricsProtocol.remoteWrite
    public var compression = PushCompression.auto
    /// How endpoints are reached and told who the agent is.
    public var transport: TransportConfiguration
    /// Labels that every series gets, such as `job` and `instance`.
    public var extraLabels: LabelSet
    /// From one snapshot to the next.
    public var interval: Duration = .seconds(15)
    /// Where a request ends and the next begins.
    public var limits = RequestLimits.standard
    /// Requests to one endpoint that may be on their way at once; a snapshot is split into as many parts at most.
    public var maximumShards = 4
    /// Requests of one endpoint that may wait in memory, if twice those of the last snapshot are not more.
    public var queueLimit = 16
    /// The first pause after a failure; it doubles up to `longestPause`.
    public var shortestPause: Duration = .seconds(5)
    public var longestPause: Duration = .seconds(60)

    public init(endpoints: [Endpoint], extraLabels: LabelSet, userAgent: String) {
        self.endpoints = endpoints
        self.extraLabels = extraLabels
        transport = TransportConfiguration(userAgent: userAgent)
    }

    var delivery: DeliveryConfiguration {
        DeliveryConfiguration(
            signal: .metrics, format: RequestFormat(metricsProtocol), compression: compression, transport: transport,
            connections: maximumShards, queueLimit: queueLimit, shortestPause: shortestPause, longestPause: longestPause
        )
    }
}
