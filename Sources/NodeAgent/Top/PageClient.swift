import Export
import Glibc
import Linux

/// Fetches a page over plain HTTP/1.1, a connection a request. It blocks: for threads that have nothing else to do.
struct PageClient: Sendable {
    let host: String
    let port: Int
    let target: String
    /// Nanoseconds for a whole request.
    var timeout: UInt64 = 5_000_000_000
    /// Largest answer in bytes.
    var limit = 64 << 20

    init(host: String, port: Int, target: String = "/metrics") {
        self.host = host
        self.port = port
        self.target = target
    }

    /// Nil unless `url` is an http URL. Without a path, that of the page is taken.
    init?(url: String) {
        guard let endpoint = try? Export.Endpoint(url), !endpoint.isTLS else { return nil }
        self.init(
            host: endpoint.host, port: endpoint.port,
            target: endpoint.target == "/" ? "/metrics" : endpoint.target)
    }

    var url: String { "http://\(authority)\(target)" }

    private var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The body of the answer with status 200.
    func fetch() throws(PageClientError) -> [UInt8] {
        let deadline = MonotonicClock.now() + timeout
        let socket = try connect(until: deadline)
        let request =
            "GET \(target) HTTP/1.1\r\nHost: \(authority)\r\nAccept: text/plain;version=0.0.4\r\n"
            + "User-Agent: martlet-node/\(Version.current)\r\nConnection: close\r\n\r\n"
        try send(Array(request.utf8), on: socket, until: deadline)
        return try body(of: try receive(from: socket, until: deadline))
    }

    private func connect(until deadline: UInt64) throws(PageClientError) -> FileDescriptor {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, "\(port)", &hints, &found)
        guard result == 0 else {
            throw .unknownHost(url, reason: gai_strerror(result).map { String(cString: $0) } ?? "error \(result)")
        }
        defer { freeaddrinfo(found) }
        var failure = Errno(ECONNREFUSED)
        var next = found
        while let address = next {
            next = address.pointee.ai_next
            let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
            let raw = Glibc.socket(address.pointee.ai_family, flags, 0)
            guard raw >= 0 else {
                failure = .last
                continue
            }
            let socket = FileDescriptor(owning: raw)
            if Glibc.connect(raw, address.pointee.ai_addr, address.pointee.ai_addrlen) != 0, errno != EINPROGRESS {
                failure = .last
                continue
            }
            try wait(socket, for: POLLOUT, until: deadline)
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length)
            if code == 0 { return socket }
            failure = Errno(code)
        }
        throw .refused(url, failure)
    }

    private func wait(
        _ socket: borrowing FileDescriptor, for events: Int32, until deadline: UInt64
    ) throws(PageClientError) {
        while true {
            let now = MonotonicClock.now()
            guard now < deadline else { throw .timedOut(url) }
            var entry = pollfd(fd: socket.raw, events: Int16(events), revents: 0)
            let count = poll(&entry, 1, Int32(min((deadline - now) / 1_000_000 + 1, 3_600_000)))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .broken(url, .last) }
        }
    }

    private func send(
        _ bytes: [UInt8], on socket: borrowing FileDescriptor, until deadline: UInt64
    ) throws(PageClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(socket, for: POLLOUT, until: deadline)
            let raw = socket.raw
            let count = rest.withUnsafeBytes { Glibc.send(raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EAGAIN, errno != EINTR {
                throw .broken(url, .last)
            }
        }
    }

    /// Everything up to the end of the connection, or up to the announced length.
    private func receive(
        from socket: borrowing FileDescriptor, until deadline: UInt64
    ) throws(PageClientError) -> [UInt8] {
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            try wait(socket, for: POLLIN, until: deadline)
            let raw = socket.raw
            let count = chunk.withUnsafeMutableBytes { recv(raw, $0.baseAddress, $0.count, 0) }
            if count == 0 { return answer }
            if count < 0 {
                if errno == EAGAIN || errno == EINTR { continue }
                // A server may reset a connection that it has answered.
                if errno == ECONNRESET, !answer.isEmpty { return answer }
                throw .broken(url, .last)
            }
            guard answer.count + count <= limit else { throw .tooLarge(url) }
            answer += chunk[..<count]
        }
    }

    /// The body of a whole answer: checks the status and undoes chunks.
    func body(of answer: [UInt8]) throws(PageClientError) -> [UInt8] {
        guard let end = Self.endOfHead(answer) else { throw .notHTTP(url) }
        let head = String(decoding: answer[..<end], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        let status = (lines.first ?? "").split(separator: " ")
        guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else { throw .notHTTP(url) }
        guard code == 200 else { throw .status(url, code) }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[parts[0].lowercased()] = parts[1].drop { $0 == " " }.lowercased()
        }
        let rest = answer[(end + 4)...]
        if fields["transfer-encoding"]?.hasSuffix("chunked") == true { return try unchunked(rest) }
        guard let text = fields["content-length"] else { return Array(rest) }
        guard let length = Int(text), length >= 0 else { throw .notHTTP(url) }
        // A page that was cut would look as if containers had gone.
        guard rest.count >= length else { throw .broken(url, Errno(ECONNRESET)) }
        return Array(rest.prefix(length))
    }

    private func unchunked(_ bytes: ArraySlice<UInt8>) throws(PageClientError) -> [UInt8] {
        var rest = bytes
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let size = rest[..<end].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }
            guard size.count <= 8, let count = Int(String(decoding: size, as: UTF8.self), radix: 16), count >= 0 else {
                throw .notHTTP(url)
            }
            if count == 0 { return body }
            rest = rest[(end + 1)...]
            guard rest.count >= count + 2 else { break }
            body += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        throw .broken(url, Errno(ECONNRESET))
    }

    /// The index of the empty line after the headers.
    private static func endOfHead(_ answer: [UInt8]) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        var index = 0
        while index + mark.count <= min(answer.count, 65536) {
            if answer[index..<(index + mark.count)].elementsEqual(mark) { return index }
            index += 1
        }
        return nil
    }
}
