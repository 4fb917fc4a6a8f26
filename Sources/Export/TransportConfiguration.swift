/// How endpoints are reached, whom the agent trusts, and how it says who it is.
public struct TransportConfiguration: Sendable {
    /// Product and version, such as `martlet-node/1.2.3`.
    public var userAgent: String
    /// For one request, connecting included.
    public var timeout: Duration = .seconds(30)
    /// Sent as X-Api-Key.
    public var apiKey: String?
    /// A user in the endpoint's URL wins.
    public var credentials = Credentials.none
    /// Sent with every request; what the protocol itself needs cannot be changed by them.
    public var headers: [(name: String, value: String)] = []
    /// PEM file with certificate authorities to trust besides the machine's own.
    public var caFile: String?
    /// PEM files of the certificate, with its chain, that the agent shows to servers, and of its key: both or none.
    public var clientCertificate: String?
    public var clientKey: String?
    /// Accepts any certificate.
    public var skipsVerification = false
    public var proxies = ProxySettings()

    public init(userAgent: String) { self.userAgent = userAgent }
}
