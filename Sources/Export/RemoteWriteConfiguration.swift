public import Metrics

/// Where and how `RemoteWriteSender` sends.
public struct RemoteWriteConfiguration: Sendable {
    public var endpoint: Endpoint
    /// Sent as X-Api-Key.
    public var apiKey: String?
    /// PEM file with certificate authorities to trust besides the machine's own.
    public var caFile: String?
    /// Accepts any certificate.
    public var skipsVerification = false
    /// Labels that every series gets, such as `job` and `instance`.
    public var extraLabels: LabelSet
    /// Product and version, such as `martlet-node/1.2.3`.
    public var userAgent: String
    /// From one snapshot to the next.
    public var interval: Duration = .seconds(15)
    /// For one request, connecting included.
    public var timeout: Duration = .seconds(30)
    /// The most samples in one request.
    public var samplesPerRequest = 10_000
    /// Requests that may wait in memory; then the oldest are dropped.
    public var queueLimit = 16
    /// The first pause after a failure; it doubles up to `longestPause`.
    public var shortestPause: Duration = .seconds(5)
    public var longestPause: Duration = .seconds(60)

    public init(endpoint: Endpoint, extraLabels: LabelSet, userAgent: String) {
        self.endpoint = endpoint
        self.extraLabels = extraLabels
        self.userAgent = userAgent
    }
}
