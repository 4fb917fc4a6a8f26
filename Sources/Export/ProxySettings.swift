import Glibc

/// Which proxy serves which endpoint, by the customary environment variables.
///
/// `http_proxy` is for http endpoints, `https_proxy` for https ones, `all_proxy` for what neither names; capitals do as well,
/// small letters win. `no_proxy` is a list of hosts that are reached directly: `*`, a domain (with all below it; with a leading
/// dot only those), an address, a network such as `10.0.0.0/8`, each but the network with `:port` if wanted. Loopback is always
/// reached directly.
public struct ProxySettings: Sendable {
    /// A variable that names no proxy.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        public let variable: String
        public let reason: String

        public var description: String {
            "\(variable): \(reason); write for example \(variable)=http://proxy.example.com:3128"
        }
    }

    /// All variables that are looked at.
    public static let variables = [
        "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
        "REQUEST_METHOD",
    ]

    var http: Endpoint?
    var https: Endpoint?
    var exceptions: [Substring] = []
    /// A test's proxy is on the loopback interface, too.
    var reachesLoopbackDirectly = true

    /// No proxy.
    public init() {}

    /// - Parameter environment: the value of a variable; empty counts as not set.
    public init(environment: (String) -> String?) throws(Malformed) {
        // A program that runs under CGI gets HTTP_PROXY from the client's header Proxy.
        let isCGI = environment("REQUEST_METHOD") != nil
        let all = try Self.proxy(["all_proxy", "ALL_PROXY"], environment)
        http = try Self.proxy(isCGI ? ["http_proxy"] : ["http_proxy", "HTTP_PROXY"], environment) ?? all
        https = try Self.proxy(["https_proxy", "HTTPS_PROXY"], environment) ?? all
        let list = Self.first(["no_proxy", "NO_PROXY"], environment)?.value ?? ""
        exceptions = list.split { $0 == "," || $0 == " " || $0 == "\t" }
    }

    /// The proxy for `endpoint`; nil if it is reached directly.
    func proxy(for endpoint: Endpoint) -> Endpoint? {
        guard let proxy = endpoint.isTLS ? https : http, !isException(endpoint) else { return nil }
        return proxy
    }

    /// The same, for people: without user and password.
    public func description(for endpoint: Endpoint) -> String? { proxy(for: endpoint)?.description }

    private func isException(_ endpoint: Endpoint) -> Bool {
        let host = Self.normal(endpoint.host)
        let address = ProxyAddress(host)
        if reachesLoopbackDirectly, host == "localhost" || address?.isLoopback == true { return true }
        return exceptions.contains { entry in
            if entry == "*" { return true }
            if let slash = entry.lastIndex(of: "/") {
                guard let network = ProxyAddress(entry[..<slash]), let length = Int(entry[entry.index(after: slash)...])
                else { return false }
                return address?.isIn(network, prefix: length) ?? false
            }
            if let other = ProxyAddress(entry) { return other == address }
            guard let parts = HostPort(entry) else { return false }
            if let port = parts.port, port != endpoint.port { return false }
            if let other = ProxyAddress(parts.host) { return other == address }
            let name = Self.normal(parts.host)
            let domain = name.hasPrefix(".") ? name : "." + name
            return host.hasSuffix(domain) || host == name
        }
    }

    private static func normal(_ host: some StringProtocol) -> String {
        let lower = host.lowercased()
        return lower.hasSuffix(".") && lower.utf8.count > 1 ? String(lower.dropLast()) : lower
    }

    private static func proxy(
        _ names: [String], _ environment: (String) -> String?
    ) throws(Malformed) -> Endpoint? {
        guard let (name, value) = first(names, environment) else { return nil }
        if let colon = value.firstIndex(of: ":"), value[colon...].hasPrefix("://"),
            !["http", "https"].contains(value[..<colon].lowercased())
        {
            throw Malformed(variable: name, reason: "only proxies that speak http or https can be used")
        }
        do throws(Endpoint.Malformed) {
            return try Endpoint(value.contains("://") ? value : "http://" + value)
        } catch {
            throw Malformed(variable: name, reason: error.reason)
        }
    }

    private static func first(
        _ names: [String], _ environment: (String) -> String?
    ) -> (name: String, value: String)? {
        for name in names {
            if let value = environment(name), !value.isEmpty { return (name, value) }
        }
        return nil
    }
}
