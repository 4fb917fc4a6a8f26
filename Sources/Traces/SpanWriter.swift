internal import Host
internal import Network
internal import Protocols
internal import Wire

/// Writes one span with its attributes: those of coroot-node-agent (docs/traces.md), which are OpenTelemetry's of version 1.18,
/// and today's stable ones (opentelemetry.io/docs/specs/semconv).
struct SpanWriter {
    private let isOld: Bool
    private let isStable: Bool
    private let obfuscatesQueries: Bool

    init(_ options: TraceOptions) {
        isOld = options.conventions.isOld
        isStable = options.conventions.isStable
        obfuscatesQueries = options.obfuscatesQueries
    }

    func write(
        _ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, _ shape: SpanShape,
        _ head: SpanEncoder.Head, of owner: ResourceFacts, _ encoder: inout SpanEncoder, _ scratch: inout [UInt8]
    ) -> SpanEncoder.ParentPlace {
        if let name = shape.name {
            text.withBytes(name) { encoder.begin(head, name: $0, of: owner) }
        } else {
            let name = UnsafeRawBufferPointer(
                start: shape.fallback.utf8Start, count: shape.fallback.utf8CodeUnitCount)
            encoder.begin(head, name: name, of: owner)
        }
        let place = encoder.parentPlace
        write(peer, &encoder)
        let isError = exchange.status.isError(isInbound: peer.isInbound)
        switch shape.system {
        case .http: writeHTTP(exchange, text, peer, shape, &encoder)
        case .query(let old, let stable): writeQuery(exchange, text, old, stable, &encoder, &scratch)
        case .memcached: writeMemcached(text, shape, &encoder)
        case .redis: writeCommand("redis", exchange, text, shape, &encoder, &scratch)
        case .zookeeper:
            writeCommand("zookeeper", exchange, text, shape, &encoder, &scratch)
            if case .zookeeper(let code) = exchange.status {
                encoder.attribute("zookeeper.status_code", integer: Int64(code))
            }
        case .messaging(let system): writeMessaging(system, exchange, text, shape, &encoder)
        case .dns: writeDNS(exchange, text, shape, &encoder)
        }
        if isError, isStable { writeErrorType(exchange, peer, &encoder) }
        encoder.end(isError: isError)
        return place
    }

    // MARK: The connection

    private func write(_ peer: RequestPeer, _ encoder: inout SpanEncoder) {
        if peer.isInbound {
            guard let client = peer.remote else { return }
            if isOld {
                write("net.sock.peer.addr", "net.sock.peer.port", client, &encoder)
                write("net.host.name", "net.host.port", peer.local, &encoder)
            }
            if isStable {
                write("client.address", "client.port", client, &encoder)
                write("server.address", "server.port", peer.local, &encoder)
            }
            return
        }
        if let actual = peer.actual {
            if isOld { write("net.peer.name", "net.peer.port", actual, &encoder) }
        } else if isOld {
            write("net.peer.name", "net.peer.port", peer.destination, &encoder)
        }
        if isStable {
            write("server.address", "server.port", peer.destination, &encoder)
            if let remote = peer.remote { write("network.peer.address", "network.peer.port", remote, &encoder) }
        }
    }

    private func write(
        _ name: StaticString, _ port: StaticString, _ destination: RequestPeer.Destination,
        _ encoder: inout SpanEncoder
    ) {
        switch destination {
        case .endpoint(let endpoint): write(name, port, endpoint, &encoder)
        case .name(let text, let number):
            encoder.text.append(text)
            encoder.attributeOfText(name)
            encoder.attribute(port, integer: Int64(number))
        }
    }

    private func write(
        _ name: StaticString, _ port: StaticString, _ endpoint: Endpoint, _ encoder: inout SpanEncoder
    ) {
        if !endpoint.address.isUnspecified {
            Self.append(endpoint.address, to: &encoder)
            encoder.attributeOfText(name)
        }
        encoder.attribute(port, integer: Int64(endpoint.port))
    }

    private static func append(_ address: IPAddress, to encoder: inout SpanEncoder) {
        if address.isIPv6 { return encoder.text.append(address.description) }
        let bytes = UInt32(truncatingIfNeeded: address.mappedLow)
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            encoder.text.appendDecimal(Int64(bytes >> shift & 0xFF))
            if shift > 0 { encoder.text.append(UInt8(ascii: ".")) }
        }
    }

    private static func append(_ endpoint: Endpoint, to encoder: inout SpanEncoder) {
        if endpoint.address.isIPv6 { encoder.text.append(UInt8(ascii: "[")) }
        append(endpoint.address, to: &encoder)
        if endpoint.address.isIPv6 { encoder.text.append(UInt8(ascii: "]")) }
        encoder.text.append(UInt8(ascii: ":"))
        encoder.text.appendDecimal(Int64(endpoint.port))
    }

    // MARK: HTTP

    private func writeHTTP(
        _ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, _ shape: SpanShape,
        _ encoder: inout SpanEncoder
    ) {
        if isOld {
            appendURL(text, peer, prefersAuthority: false, &encoder)
            encoder.attributeOfText("http.url")
            writeName("http.method", text, shape, &encoder)
            if let code = Self.httpCode(exchange.status) { encoder.attribute("http.status_code", integer: code) }
        }
        if case .grpc(let code) = exchange.status {
            encoder.attribute("rpc.grpc.status_code", integer: Int64(code))
            if isStable { encoder.attribute("rpc.system", "grpc") }
        }
        guard isStable else { return }
        writeName("http.request.method", text, shape, &encoder)
        if let code = Self.httpCode(exchange.status) { encoder.attribute("http.response.status_code", integer: code) }
        if peer.isInbound {
            encoder.text.append(scheme(text, peer))
            encoder.attributeOfText("url.scheme")
            writePathAndQuery(text, &encoder)
        } else {
            appendURL(text, peer, prefersAuthority: true, &encoder)
            encoder.attributeOfText("url.full")
        }
    }

    private static func httpCode(_ status: ExchangeStatus) -> Int64? {
        switch status {
        case .http(let code): code == 0 ? nil : Int64(code)
        // The answer to a call is 200, whatever came of it (the gRPC protocol over HTTP/2, "Responses").
        case .grpc, .ok: 200
        case .failed: 500
        default: nil
        }
    }

    private func scheme(_ text: borrowing RequestText, _ peer: RequestPeer) -> StaticString {
        if peer.isTLS { return "https" }
        guard let scheme = text.first(.scheme) else { return "http" }
        return text.withBytes(scheme) { $0.elementsEqual("https".utf8) } ? "https" : "http"
    }

    /// `scheme://host:port/path`; a target that is a URL already stays as it is (RFC 9112, 3.2.2).
    private func appendURL(
        _ text: borrowing RequestText, _ peer: RequestPeer, prefersAuthority: Bool, _ encoder: inout SpanEncoder
    ) {
        let target = text.first(.target)
        let isAbsolute = target.map { text.withBytes($0) { Self.begins($0, "http://") || Self.begins($0, "https://") } }
        if isAbsolute != true {
            encoder.text.append(scheme(text, peer))
            encoder.text.append("://")
            if prefersAuthority, let authority = text.first(.authority), !text.isEmpty(authority) {
                text.withBytes(authority) { encoder.text.append($0) }
            } else if peer.isInbound {
                Self.append(peer.local, to: &encoder)
            } else if let actual = peer.actual {
                Self.append(actual, to: &encoder)
            } else {
                switch peer.destination {
                case .endpoint(let endpoint): Self.append(endpoint, to: &encoder)
                case .name(let name, let port):
                    encoder.text.append(name)
                    encoder.text.append(UInt8(ascii: ":"))
                    encoder.text.appendDecimal(Int64(port))
                }
            }
            let needsSlash = target.map { text.withBytes($0) { $0.first != UInt8(ascii: "/") } } ?? true
            if needsSlash { encoder.text.append(UInt8(ascii: "/")) }
        }
        if let target { Self.append(target, of: text, to: &encoder) }
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, _ prefix: StaticString) -> Bool {
        bytes.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
    }

    private static func ends(_ bytes: UnsafeRawBufferPointer, _ suffix: StaticString) -> Bool {
        let suffix = UnsafeBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount)
        return bytes.suffix(suffix.count).elementsEqual(suffix)
    }

    private func writePathAndQuery(_ text: borrowing RequestText, _ encoder: inout SpanEncoder) {
        guard let target = text.first(.target) else { return }
        text.withBytes(target) { bytes in
            let question = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
            encoder.attribute("url.path", UnsafeRawBufferPointer(rebasing: bytes[..<question]))
            if question < bytes.endIndex {
                encoder.attribute("url.query", UnsafeRawBufferPointer(rebasing: bytes[(question + 1)...]))
            }
        }
    }

    // MARK: Databases

    private func writeQuery(
        _ exchange: Exchange, _ text: borrowing RequestText, _ old: StaticString, _ stable: StaticString,
        _ encoder: inout SpanEncoder, _ scratch: inout [UInt8]
    ) {
        if isOld { encoder.attribute("db.system", old) }
        if isStable { encoder.attribute("db.system.name", stable) }
        if let statement = text.first(.statement) {
            appendStatement(statement, of: text, exchange.applicationProtocol, to: &encoder, &scratch)
        }
        writeStatement(&encoder)
        if isStable, let database = text.first(.database) {
            text.withBytes(database) { encoder.attribute("db.namespace", $0) }
        }
    }

    /// With values taken out where the user wants that.
    private func appendStatement(
        _ entry: RequestText.Entry, of text: borrowing RequestText, _ applicationProtocol: ApplicationProtocol,
        to encoder: inout SpanEncoder, _ scratch: inout [UInt8]
    ) {
        guard obfuscatesQueries else {
            let mark: StaticString = applicationProtocol == .clickhouse ? "...<TRUNCATED>" : "..."
            return Self.append(entry, of: text, mark: mark, to: &encoder)
        }
        scratch.removeAll(keepingCapacity: true)
        text.withBytes(entry) { StatementObfuscator.obfuscate($0, of: applicationProtocol, into: &scratch) }
        scratch.withUnsafeBytes { encoder.text.append($0) }
    }

    /// What is in the encoder's text, as the statement.
    private func writeStatement(_ encoder: inout SpanEncoder) {
        if isOld { encoder.keepText(as: "db.statement") }
        if isStable { encoder.keepText(as: "db.query.text") }
        encoder.text.removeAll()
    }

    private func writeMemcached(_ text: borrowing RequestText, _ shape: SpanShape, _ encoder: inout SpanEncoder) {
        writeOperation("memcached", text, shape, &encoder)
        var items = 0
        for index in 0..<text.count where Self.isItem(text[index]) { items += 1 }
        if items == 0 || obfuscatesQueries { return }
        if items > 1 { encoder.beginArray("db.memcached.item") }
        for index in 0..<text.count where Self.isItem(text[index]) {
            text.withBytes(text[index]) {
                if items > 1 { encoder.arrayText($0) } else { encoder.attribute("db.memcached.item", $0) }
            }
        }
        if items > 1 { encoder.endArray() }
    }

    private static func isItem(_ entry: RequestText.Entry) -> Bool { entry.kind == .item || entry.kind == .target }

    /// Redis and ZooKeeper: the statement is the command and its first argument. Paths of ZooKeeper are names, not values.
    private func writeCommand(
        _ system: StaticString, _ exchange: Exchange, _ text: borrowing RequestText, _ shape: SpanShape,
        _ encoder: inout SpanEncoder, _ scratch: inout [UInt8]
    ) {
        writeOperation(system, text, shape, &encoder)
        if let statement = text.first(.statement) {
            appendStatement(statement, of: text, exchange.applicationProtocol, to: &encoder, &scratch)
        } else {
            if let name = shape.name { Self.append(name, of: text, to: &encoder) }
            if let target = text.first(.target), !text.isEmpty(target) {
                encoder.text.append(UInt8(ascii: " "))
                if obfuscatesQueries, exchange.applicationProtocol == .redis {
                    encoder.text.append(UInt8(ascii: "?"))
                } else {
                    Self.append(target, of: text, to: &encoder)
                }
            }
        }
        writeStatement(&encoder)
    }

    private func writeOperation(
        _ system: StaticString, _ text: borrowing RequestText, _ shape: SpanShape, _ encoder: inout SpanEncoder
    ) {
        if isOld {
            encoder.attribute("db.system", system)
            writeName("db.operation", text, shape, &encoder)
        }
        if isStable {
            encoder.attribute("db.system.name", system)
            writeName("db.operation.name", text, shape, &encoder)
        }
    }

    // MARK: Brokers and names

    private func writeMessaging(
        _ system: StaticString, _ exchange: Exchange, _ text: borrowing RequestText, _ shape: SpanShape,
        _ encoder: inout SpanEncoder
    ) {
        encoder.attribute("messaging.system", system)
        if isOld { writeName("messaging.operation", text, shape, &encoder) }
        if isStable {
            writeName("messaging.operation.name", text, shape, &encoder)
            if exchange.method != .request {
                encoder.attribute("messaging.operation.type", exchange.method == .produce ? "send" : "receive")
            }
        }
        if let target = text.first(.target), !text.isEmpty(target) {
            text.withBytes(target) { encoder.attribute("messaging.destination.name", $0) }
        }
    }

    private func writeDNS(
        _ exchange: Exchange, _ text: borrowing RequestText, _ shape: SpanShape, _ encoder: inout SpanEncoder
    ) {
        writeName("dns.question.type", text, shape, &encoder)
        if let target = text.first(.target) {
            text.withBytes(target) { encoder.attribute("dns.question.name", $0) }
        }
        if case .dns(let code) = exchange.status { encoder.attribute("dns.response_code", integer: Int64(code)) }
        guard text.first(.address) != nil else { return }
        encoder.beginArray("dns.answers")
        for index in 0..<text.count where text[index].kind == .address {
            guard let address = text.withBytes(text[index], { IPAddress($0) }) else { continue }
            Array(address.description.utf8).withUnsafeBytes { encoder.arrayText($0) }
        }
        encoder.endArray()
    }

    // MARK: Pieces

    /// The span's name as an attribute.
    private func writeName(
        _ key: StaticString, _ text: borrowing RequestText, _ shape: SpanShape, _ encoder: inout SpanEncoder
    ) {
        if let name = shape.name {
            text.withBytes(name) { encoder.attribute(key, $0) }
        } else {
            encoder.attribute(key, shape.fallback)
        }
    }

    /// `error.type`: the code where the protocol has one that says it.
    private func writeErrorType(_ exchange: Exchange, _ peer: RequestPeer, _ encoder: inout SpanEncoder) {
        if case .http(let code) = exchange.status {
            encoder.text.appendDecimal(Int64(code))
            return encoder.attributeOfText("error.type")
        }
        let label = exchange.status.label(for: exchange.applicationProtocol, isInbound: peer.isInbound)
        encoder.attribute("error.type", label ?? "_OTHER")
    }

    /// A text, with `mark` where bytes are missing at its end; a character that is cut goes with them.
    private static func append(
        _ entry: RequestText.Entry, of text: borrowing RequestText, mark: StaticString = "...",
        to encoder: inout SpanEncoder
    ) {
        text.withBytes(entry) { bytes in
            // Some parsers put the mark there themselves.
            guard entry.isCut, !ends(bytes, "..."), !ends(bytes, "...<TRUNCATED>") else {
                return encoder.text.append(bytes)
            }
            var end = bytes.count
            var continuation = 0
            while continuation < 3, end > 0, bytes[end - 1] & 0xC0 == 0x80 {
                end -= 1
                continuation += 1
            }
            if end > 0, bytes[end - 1] >= 0xC0 {
                let needed = bytes[end - 1] >= 0xF0 ? 3 : bytes[end - 1] >= 0xE0 ? 2 : 1
                end = continuation >= needed ? bytes.count : end - 1
            } else {
                end = bytes.count
            }
            encoder.text.append(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
            encoder.text.append(mark)
        }
    }
}
