import NIOHTTP1

/// The headers of a request that do not depend on who asks.
enum PushHeaders {
    static func make(_ packaging: Packaging, _ transport: TransportConfiguration) -> HTTPHeaders {
        var headers: HTTPHeaders = ["User-Agent": transport.userAgent]
        if let key = transport.apiKey, !key.isEmpty { headers.add(name: "X-Api-Key", value: key) }
        for (name, value) in transport.headers { headers.replaceOrAdd(name: name, value: value) }
        headers.replaceOrAdd(name: "Content-Type", value: packaging.format.contentType)
        if let coding = packaging.coding.header { headers.replaceOrAdd(name: "Content-Encoding", value: coding) }
        for (name, value) in packaging.format.versionHeaders { headers.replaceOrAdd(name: name, value: value) }
        return headers
    }
}
