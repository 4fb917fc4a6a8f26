/// An http or https URL to which the agent sends.
public struct Endpoint: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no endpoint.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        public let reason: String

        public var description: String { "\(reason); write http[s]://host[:port][/path]" }
    }

    public let isTLS: Bool
    /// Without brackets.
    public let host: String
    public let port: Int
    /// Path and query; starts with `/`.
    public let target: String
    /// Value of the Authorization header when the URL names a user.
    let authorization: String?

    /// Reads an absolute URL (RFC 3986). A fragment is ignored.
    public init(_ text: String) throws(Malformed) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[colon...].hasPrefix("://") else {
            throw Malformed(reason: "the URL has no scheme")
        }
        switch text[..<colon].lowercased() {
        case "http": isTLS = false
        case "https": isTLS = true
        default: throw Malformed(reason: "the URL's scheme is neither http nor https")
        }
        let rest = text[colon...].dropFirst(3).prefix { $0 != "#" }
        // What goes into a request line must not end it.
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Malformed(reason: "the URL has blanks, control characters or bytes that are not ASCII")
        }
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        var authority = rest[..<authorityEnd]
        if let at = authority.lastIndex(of: "@") {
            guard let user = Self.percentDecoded(authority[..<at]) else {
                throw Malformed(reason: "the URL's user name has a bad % sequence")
            }
            authorization =
                "Basic " + Base64.encode(user.contains(UInt8(ascii: ":")) ? user : user + [UInt8(ascii: ":")])
            authority = authority[authority.index(after: at)...]
        } else {
            authorization = nil
        }
        guard let parts = HostPort(authority), !parts.host.isEmpty else {
            throw Malformed(reason: "the URL has no valid host and port")
        }
        host = parts.host
        port = parts.port ?? (isTLS ? 443 : 80)
        let target = rest[authorityEnd...]
        self.target = target.first == "/" ? String(target) : "/" + target
    }

    private init(_ base: Endpoint, target: String) {
        isTLS = base.isTLS
        host = base.host
        port = base.port
        authorization = base.authorization
        self.target = target
    }

    /// This endpoint with `path` (such as `/v1/metrics`) added to its own path.
    public func appending(path: String) -> Endpoint {
        let question = target.firstIndex(of: "?") ?? target.endIndex
        var joined = String(target[..<question])
        while joined.hasSuffix("/") { joined.removeLast() }
        return Endpoint(self, target: joined + (path.hasPrefix("/") ? path : "/" + path) + target[question...])
    }

    /// The value of the Host header: the port only where it is not the scheme's own.
    var hostHeader: String {
        let text = HostPort.text(host: host, port: port)
        return port == (isTLS ? 443 : 80) ? String(text.dropLast("\(port)".count + 1)) : text
    }

    /// The URL without what may be a secret, for messages: user and password, and the query.
    public var description: String {
        let path = target.prefix { $0 != "?" }
        return "\(isTLS ? "https" : "http")://\(hostHeader)\(path)\(path.count < target.count ? "?…" : "")"
    }

    /// Host and port with the path: what names a receiver of logs or traces.
    var nameWithPath: String { HostPort.text(host: host, port: port) + target.prefix { $0 != "?" } }

    /// A short name for each: host and port, and as much more as tells them apart.
    static func names(_ endpoints: [Endpoint]) -> [String] {
        let short = endpoints.map { HostPort.text(host: $0.host, port: $0.port) }
        let long = zip(short, endpoints).map { name, endpoint in
            short.count { $0 == name } == 1 ? name : name + endpoint.target.prefix { $0 != "?" }
        }
        return long.enumerated().map { index, name in
            let before = long[..<index].count { $0 == name }
            return before == 0 ? name : "\(name)#\(before + 1)"
        }
    }

    private static func percentDecoded(_ text: Substring) -> [UInt8]? {
        var bytes = [UInt8]()
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                let digits = Substring(rest.prefix(2))
                // The initializer would take a sign, too.
                guard digits.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
                    return nil
                }
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
