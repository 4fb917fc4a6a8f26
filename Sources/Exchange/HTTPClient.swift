import Glibc
public import Linux

/// One request over a Unix or TCP socket (HTTP/1.1, RFC 9112), blocking, within one deadline and one size.
public struct HTTPClient: Sendable {
    public struct Response: Sendable {
        public var status: Int
        public var body: [UInt8]
    }

    public let peer: Peer
    /// The value of the header `Host`.
    public let host: String
    /// The most bytes of a body.
    public let bodyLimit: Int

    public init(peer: Peer, host: String, bodyLimit: Int = JSONDocument.defaultSizeLimit) {
        self.peer = peer
        self.host = host
        self.bodyLimit = bodyLimit
    }

    public init(socketPath: String, root: RootDirectory, bodyLimit: Int = JSONDocument.defaultSizeLimit) {
        self.init(peer: .unix(path: socketPath, root: root), host: "localhost", bodyLimit: bodyLimit)
    }

    /// The most bytes of status line and headers, and of a chunk's size line with its trailers.
    private static let headerLimit = 32768

    /// `path` is everything after the host, a query included; `headers` are sent as they are. `deadline` is on
    /// `MonotonicClock.now()` and covers connecting, sending and the whole answer.
    public func get(
        _ path: String, headers: [(name: String, value: String)] = [], deadline: UInt64
    ) throws(ExchangeError) -> Response {
        try send("GET", path, headers, deadline)
    }

    /// A PUT without a body.
    public func put(
        _ path: String, headers: [(name: String, value: String)] = [], deadline: UInt64
    ) throws(ExchangeError) -> Response {
        try send("PUT", path, headers + [("Content-Length", "0")], deadline)
    }

    private func send(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], _ deadline: UInt64
    ) throws(ExchangeError) -> Response {
        // What an earlier answer said may be in them: it must not become a request of its own.
        for text in headers.flatMap({ [$0.name, $0.value] }) + [path] where text.utf8.contains(where: { $0 < 0x20 }) {
            throw .malformed("control character in a header to send")
        }
        let stream = try SocketStream(connectingTo: peer, deadline: deadline)
        var request = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
        if !headers.contains(where: { $0.name.lowercased() == "accept" }) {
            request += "Accept: application/json, */*\r\n"
        }
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        try stream.write(Array((request + "\r\n").utf8))
        var input = Input()

        var status = 0
        var length: Int?
        var isChunked = false
        repeat {
            var headerBytes = 0
            status = try Self.status(try input.line(stream, limit: Self.headerLimit))
            while true {
                let line = try input.line(stream, limit: Self.headerLimit)
                if line.isEmpty { break }
                headerBytes += line.count + 2
                guard headerBytes <= Self.headerLimit else { throw .tooLarge(limit: Self.headerLimit) }
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                    throw .malformed("header without colon")
                }
                let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
                let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
                    .split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
                if name == "content-length" {
                    guard let number = Int(value), number >= 0, length == nil || length == number else {
                        throw .malformed("Content-Length")
                    }
                    length = number
                } else if name == "transfer-encoding" {
                    guard value.lowercased() == "chunked" else { throw .malformed("Transfer-Encoding") }
                    isChunked = true
                }
            }
            // 100 Continue and the like come before the answer; the deadline bounds how many.
        } while (100..<200).contains(status)

        if status == 204 || status == 304 { return Response(status: status, body: []) }
        if isChunked { return Response(status: status, body: try chunks(stream, &input)) }
        if let length {
            guard length <= bodyLimit else { throw .tooLarge(limit: bodyLimit) }
            return Response(status: status, body: try input.take(length, stream))
        }
        return Response(status: status, body: try input.rest(stream, limit: bodyLimit))
    }

    private func chunks(_ stream: borrowing SocketStream, _ input: inout Input) throws(ExchangeError) -> [UInt8] {
        var body = [UInt8]()
        while true {
            let line = try input.line(stream, limit: 4096)
            let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
            guard !digits.isEmpty, digits.count <= 8, digits.first != UInt8(ascii: "+"),
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
            else { throw .malformed("chunk size") }
            // Trailers say nothing that is needed here.
            if size == 0 { return body }
            guard body.count + size <= bodyLimit else { throw .tooLarge(limit: bodyLimit) }
            body += try input.take(size, stream)
            guard try input.line(stream, limit: 2).isEmpty else { throw .malformed("chunk end") }
        }
    }

    private static func status(_ line: [UInt8]) throws(ExchangeError) -> Int {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].starts(with: Array("HTTP/1.".utf8)), parts[1].count == 3,
            let status = Int(String(decoding: parts[1], as: UTF8.self)), (100..<600).contains(status)
        else { throw .malformed("no HTTP status line") }
        return status
    }

    /// Bytes that have arrived and are not used yet.
    private struct Input {
        private var buffer = [UInt8]()
        private var position = 0

        /// The bytes up to the next line end, without it; the carriage return may be missing.
        mutating func line(_ stream: borrowing SocketStream, limit: Int) throws(ExchangeError) -> [UInt8] {
            var searched = position
            while true {
                if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                    var line = buffer[position..<end]
                    if line.last == UInt8(ascii: "\r") { line.removeLast() }
                    guard line.count <= limit else { throw .tooLarge(limit: limit) }
                    position = end + 1
                    return Array(line)
                }
                guard buffer.count - position <= limit else { throw .tooLarge(limit: limit) }
                let pending = buffer.count - position
                try fill(stream)
                searched = position + pending
            }
        }

        mutating func take(_ count: Int, _ stream: borrowing SocketStream) throws(ExchangeError) -> [UInt8] {
            while buffer.count - position < count { try fill(stream) }
            let result = Array(buffer[position..<(position + count)])
            position += count
            return result
        }

        mutating func rest(_ stream: borrowing SocketStream, limit: Int) throws(ExchangeError) -> [UInt8] {
            repeat {
                guard buffer.count - position <= limit else { throw .tooLarge(limit: limit) }
            } while try stream.read(appendingTo: &buffer)
            return Array(buffer[position...])
        }

        private mutating func fill(_ stream: borrowing SocketStream) throws(ExchangeError) {
            if position > 0 {
                buffer.removeFirst(position)
                position = 0
            }
            guard try stream.read(appendingTo: &buffer) else { throw .malformed("the answer ends early") }
        }
    }
}
