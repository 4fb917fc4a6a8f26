internal import Exchange
internal import Glibc
internal import Host
internal import Linux

/// The questions of one attempt to a cloud's metadata service, all within one deadline. Blocks its thread.
struct MetadataService {
    /// The network namespace in which a question is asked.
    enum Network {
        /// The host's: what a pod with a network of its own may not ask.
        case host
        case own
    }

    /// For one question, in nanoseconds.
    static let questionTime: UInt64 = 5_000_000_000
    /// Azure's answer may carry 64 KiB of user data.
    static let bodyLimit = 1 << 20

    /// Where all but two clouds answer.
    static let address = "169.254.169.254"

    /// On `MonotonicClock.now()`.
    let deadline: UInt64

    typealias Header = (name: String, value: String)

    /// The body of a path. Throws `.notFound` for a 404 and `.refused` for every other status but 200.
    func get(
        _ path: String, at address: String = address, host: String? = nil, headers: [Header] = [],
        through network: Network = .own
    ) throws(ExchangeError) -> [UInt8] {
        try Self.body(
            client(address, host ?? address, network).get(path, headers: headers, deadline: questionDeadline))
    }

    /// The body of the answer to a PUT.
    func put(
        _ path: String, at address: String = address, host: String? = nil, headers: [Header] = [],
        through network: Network = .own
    ) throws(ExchangeError) -> [UInt8] {
        try Self.body(
            client(address, host ?? address, network).put(path, headers: headers, deadline: questionDeadline))
    }

    /// A path whose body is one value; empty where the service does not have it (an instance without a public address) or
    /// does not want to tell.
    func value(
        _ path: String, at address: String = address, headers: [Header] = [], through network: Network = .own
    ) throws(ExchangeError) -> String {
        let body: [UInt8]
        do throws(ExchangeError) {
            body = try get(path, at: address, headers: headers, through: network)
        } catch {
            guard Self.isNo(error) else { throw error }
            return ""
        }
        return try Self.part(body)
    }

    /// Whether an error is the answer that there is no such value; too many questions (429) and an overloaded service
    /// (503) are worth asking again.
    static func isNo(_ error: ExchangeError) -> Bool {
        switch error {
        case .notFound: true
        case .refused(let status): status != 429 && status != 503
        default: false
        }
    }

    static func part(_ body: [UInt8]) throws(ExchangeError) -> String {
        guard let part = CloudMetadata.part(String(decoding: body, as: UTF8.self)) else {
            throw .malformed("no metadata value")
        }
        return part
    }

    /// A string of a JSON answer; empty where it is none, or none that can be a part.
    static func part(_ text: String?) -> String { text.flatMap(CloudMetadata.part) ?? "" }

    static func document(_ body: [UInt8]) throws(ExchangeError) -> JSONDocument {
        do throws(JSONError) { return try JSONDocument(parsing: body) } catch { throw .malformed("\(error)") }
    }

    /// The scalars of a document of lines `KEY SEPARATOR VALUE`, quotes around values removed: Scaleway's `KEY=VALUE`, and
    /// the outermost level of Hetzner's YAML, whose nested lines are indented. Of two lines with one key, the first wins.
    static func scalars(_ body: [UInt8], separator: UInt8) throws(ExchangeError) -> [String: String] {
        var found: [String: String] = [:]
        for line in body.split(separator: UInt8(ascii: "\n")).prefix(4096) {
            guard let first = line.first, first != 0x20, first != 0x09, first != UInt8(ascii: "-"),
                let end = line.firstIndex(of: separator)
            else { continue }
            let key = String(decoding: line[..<end], as: UTF8.self)
            guard var value = CloudMetadata.part(String(decoding: line[(end + 1)...], as: UTF8.self)) else { continue }
            for quote in ["\"", "'"] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
                value = String(value.dropFirst().dropLast())
            }
            if found[key] == nil { found[key] = value }
        }
        guard !found.isEmpty else { throw .malformed("no lines with keys and values") }
        return found
    }

    private var questionDeadline: UInt64 { min(deadline, MonotonicClock.now() + Self.questionTime) }

    private static func body(_ response: HTTPClient.Response) throws(ExchangeError) -> [UInt8] {
        switch response.status {
        case 200: return response.body
        case 404: throw .notFound
        default: throw .refused(status: response.status)
        }
    }

    private func client(_ address: String, _ host: String, _ network: Network) -> HTTPClient {
        let peer = Peer.tcp(address: address, port: 80) { (family) throws(Errno) in
            switch network {
            case .own: return try FileDescriptor.streamSocket(family)
            case .host:
                let pid = HostProcess.pid()
                return try NetworkNamespace.run(inNetworkNamespaceOf: pid) { () throws(Errno) in
                    try FileDescriptor.streamSocket(family)
                }
            }
        }
        return HTTPClient(peer: peer, host: host, bodyLimit: Self.bodyLimit)
    }
}
