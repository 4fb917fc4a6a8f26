/// HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112).
///
/// Of a head only what tells where the message ends is read, and the texts that were asked for. A request ends when the first
/// byte of its final response is seen; responses come in the order of the requests. Where it is not certain any more what a
/// side is sending (a gap; a chunk's header among bytes that were not captured; a body that ends with the connection), the
/// next beginning of a message at the beginning of a segment counts, after the other side has had its turn: a body is never
/// read as a request.
///
/// Requests among bytes of the client that were not captured (many at once in one segment) are counted by their responses: the
/// one that answers nothing else answers one of them. They have no texts, and began when those bytes were sent.
///
/// Requests whose responses are among the lost bytes get the status 0 as soon as the client asks for the next: whoever does not
/// wait for answers before asking on may thereby get the statuses of neighbours, never a wrong number of requests.
///
/// After `101 Switching Protocols` and after a `CONNECT` that succeeded the connection is not HTTP/1 any more: it goes on as
/// HTTP/2 if that was asked for (`Upgrade: h2c`, RFC 7540, section 3.2), and is not read else.
final class HTTP1Parser: ProtocolParser {
    private static let isHead: UInt32 = 1
    private static let isConnect: UInt32 = 2
    private static let wantsHTTP2: UInt32 = 4
    /// Segments in a row that were looked at in vain for the beginning of a request.
    private static let maximumFailures = 64

    private var client: HTTP1Stream
    private var server: HTTP1Stream
    private var pending = PendingRequests(limit: 256)
    private var trace = TraceHeaders()
    private var clientHead = Head()
    private var serverHead = Head()
    /// Whether the server said something final after the last segment of the client.
    private var serverSpoke = true
    /// Whether the server's stream was lost while requests waited that were made before `pending` grew again.
    private var serverWasLost = false
    /// When the client last sent bytes that were not captured and may have requests among them; nil if it never did.
    private var unseenSince: UInt64?
    /// When the server's last segment was seen.
    private var serverTime: UInt64 = 0
    private var failures = 0
    private var isOver = false
    private var successor: HTTP2Parser?

    /// What matters of the head of a message.
    private struct Head {
        var length: Int?
        var isChunked = false
        var isBroken = false
        /// Of a response.
        var code: UInt16 = 0
        /// Of the request that a response answers.
        var tag: UInt32 = 0
        /// A response to nothing that was seen: whether it has a body is a guess.
        var isUnmatched = false
        var hasAuthority = false
    }

    required init(options: ParsingOptions) {
        let limit = options.textLimit + 128
        // Those that `readRequestHeader` and `readResponse` know.
        client = HTTP1Stream(limit: limit, namesOfLength: [2, 4, 7, 10, 11, 12, 14, 17])
        server = HTTP1Stream(limit: limit, namesOfLength: [14, 17])
        super.init(options: options)
    }

    override var isWaiting: Bool { successor?.isWaiting ?? !pending.isEmpty }
    override var gaps: Int { client.gaps + server.gaps + (successor?.gaps ?? 0) }
    override var isLost: Bool { successor?.isLost ?? isOver }

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        let end = bytes.firstIndex(of: 0x0A)
        if side == .server {
            if HTTP1Line.beginsResponse(bytes) { return .certain }
            // Not enough of it yet.
            let start: StaticString = "HTTP/1."
            let count = min(bytes.byteCount, start.utf8CodeUnitCount)
            for index in 0..<count where bytes.byte(index) != start.utf8Start[index] { return .no }
            return end == nil && length < 16 ? .partial : .no
        }
        if end != nil { return HTTP1Line.beginsRequest(bytes) ? .certain : .no }
        guard let space = bytes.firstIndex(of: 0x20, before: 25) else {
            return bytes.byteCount < 25 && length == bytes.byteCount && isMethodSoFar(bytes) ? .partial : .no
        }
        guard HTTP1Line.isMethod(bytes.part(0, space)) else { return .no }
        // A long target of which no end was captured; others have commands in capital letters, too.
        let isPath = bytes.byte(space + 1) == 0x2F || bytes.has("http", at: space + 1)
        return length > bytes.byteCount && isPath ? .certain : .maybe
    }

    private static func isMethodSoFar(_ bytes: RawSpan) -> Bool {
        for index in 0..<bytes.byteCount where !(0x41...0x5A).contains(bytes.byte(index)) {
            if index == 0 || bytes.byte(index) != 0x2D { return false }
        }
        return true
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        if let successor {
            successor.take(bytes, from: side, at: time, missing: missing, tail: tail, receiver)
            return
        }
        if isOver { return }
        switch side {
        case .client: takeClient(bytes, time, missing, tail, receiver)
        case .server: takeServer(bytes, time, missing, tail, receiver)
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        successor?.giveUp(before: deadline, at: time, receiver)
        pending.giveUp(before: deadline, at: time, .http1, receiver)
    }

    // MARK: Requests

    private func takeClient(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        passRequests(missing, time, receiver)
        if client.isLost, serverSpoke {
            if HTTP1Line.beginsRequest(bytes) {
                client.restart()
            } else if bytes.byteCount > 0 {
                failures += 1
                if failures > Self.maximumFailures { isOver = true }
            }
        }
        serverSpoke = false
        _ = client.feed(bytes, at: time) { readRequest($0, $1, $2, $3, receiver) }
        passRequests(tail, time, receiver)
        if client.isLost, unseenSince != nil { unseenSince = time }
    }

    /// So many bytes of the client were not captured.
    private func passRequests(_ count: Int, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        let losses = client.losses
        client.skip(count) { readRequest($0, $1, $2, $3, receiver) }
        if client.losses != losses { unseenSince = time }
    }

    private func readRequest(
        _ part: HTTP1Stream.Part, _ line: RawSpan, _ isCut: Bool, _ time: UInt64, _ receiver: any ExchangeReceiver
    ) -> HTTP1Stream.Framing {
        switch part {
        case .start:
            guard let request = HTTP1Line.request(line, isCut: isCut) else { return .lost }
            begin(line, request, isCut, time, receiver)
            return .nothing
        case .header:
            readRequestHeader(line)
            return .nothing
        case .end:
            if clientHead.isBroken { return .lost }
            return clientHead.isChunked ? .chunked : .length(clientHead.length ?? 0)
        }
    }

    private func begin(
        _ line: RawSpan, _ request: HTTP1Line.Request, _ isCut: Bool, _ time: UInt64, _ receiver: any ExchangeReceiver
    ) {
        failures = 0
        if serverWasLost {
            serverWasLost = false
            while !pending.isEmpty { answer(.http(0), at: serverTime, receiver) }
        }
        if pending.isFull { answer(.unanswered, at: time, receiver) }
        let method = line.part(0, request.methodEnd)
        let tag = method.has("HEAD") ? Self.isHead : method.has("CONNECT") ? Self.isConnect : 0
        clientHead = Head()
        trace = TraceHeaders()
        pending.add(start: time, tag: tag) { text in
            guard options.wantsText else { return }
            text.add(.operation, method)
            text.add(
                .target, line.part(request.methodEnd + 1, request.targetEnd), limit: options.textLimit, isCut: isCut)
        }
    }

    private func readRequestHeader(_ line: RawSpan) {
        guard let colon = line.firstIndex(of: 0x3A) else { return }
        let name = line.part(0, colon)
        switch colon {
        case 14, 17:
            readFraming(line, colon, &clientHead)
        case 4 where options.wantsText && !clientHead.hasAuthority && name.isWord("HOST"):
            clientHead.hasAuthority = true
            let value = HTTP1Line.value(line, colon)
            guard !pending.isEmpty else { return }
            pending[pending.count - 1].text.add(.authority, value, limit: 256)
        case 7 where name.isWord("UPGRADE"):
            guard HTTP1Line.contains(HTTP1Line.value(line, colon), "H2C"), !pending.isEmpty else { return }
            pending[pending.count - 1].tag |= Self.wantsHTTP2
        case 2 where name.isWord("B3"): readTrace(.b3, line, colon)
        case 10 where name.isWord("X-B3-FLAGS"): readTrace(.b3Flags, line, colon)
        case 11 where name.isWord("TRACEPARENT"): readTrace(.traceparent, line, colon)
        case 11 where name.isWord("X-B3-SPANID"): readTrace(.b3SpanID, line, colon)
        case 12 where name.isWord("X-B3-TRACEID"): readTrace(.b3TraceID, line, colon)
        case 12 where name.isWord("X-B3-SAMPLED"): readTrace(.b3Sampled, line, colon)
        default: break
        }
    }

    private func readTrace(_ name: TraceHeaders.Name, _ line: RawSpan, _ colon: Int) {
        guard options.wantsText, !pending.isEmpty else { return }
        trace.take(name, HTTP1Line.value(line, colon))
        pending[pending.count - 1].text.context = trace.context
    }

    private func readFraming(_ line: RawSpan, _ colon: Int, _ head: inout Head) {
        let name = line.part(0, colon)
        if colon == 14, name.isWord("CONTENT-LENGTH") {
            let number = HTTP1Line.number(HTTP1Line.value(line, colon))
            if number == nil || head.length != nil && head.length != number { head.isBroken = true }
            head.length = number
        } else if colon == 17, name.isWord("TRANSFER-ENCODING") {
            if HTTP1Line.contains(HTTP1Line.value(line, colon), "CHUNKED") {
                head.isChunked = true
            } else {
                head.isBroken = true
            }
        }
    }

    // MARK: Responses

    private func takeServer(
        _ bytes: RawSpan, _ time: UInt64, _ missing: Int, _ tail: Int, _ receiver: any ExchangeReceiver
    ) {
        serverTime = time
        let losses = server.losses
        server.skip(missing) { readResponse($0, $1, $2, $3, receiver) }
        let isGuess = server.isLost || server.isInBody && serverHead.isUnmatched
        if isGuess, !pending.isEmpty || unseenSince != nil, HTTP1Line.beginsResponse(bytes) { server.restart() }
        // What cannot be read is a turn, too.
        if server.isLost { serverSpoke = true }
        let read = server.feed(bytes, at: time) { readResponse($0, $1, $2, $3, receiver) }
        if server.isStopped {
            end(bytes.part(read), time, tail, receiver)
            return
        }
        server.skip(tail) { readResponse($0, $1, $2, $3, receiver) }
        if server.losses != losses {
            serverWasLost = true
            serverSpoke = true
        }
    }

    private func readResponse(
        _ part: HTTP1Stream.Part, _ line: RawSpan, _ isCut: Bool, _ time: UInt64, _ receiver: any ExchangeReceiver
    ) -> HTTP1Stream.Framing {
        switch part {
        case .start:
            guard let code = HTTP1Line.status(line) else { return .lost }
            serverHead = Head()
            serverHead.code = code
            if code < 200, code != 101 { return .nothing }
            serverSpoke = true
            serverHead.isUnmatched = pending.isEmpty
            if !pending.isEmpty { serverHead.tag = pending[0].tag }
            // What asks for HTTP/2 gets its answer there.
            if code != 101 || serverHead.tag & Self.wantsHTTP2 == 0 { answer(.http(code), at: time, receiver) }
            return .nothing
        case .header:
            if let colon = line.firstIndex(of: 0x3A) { readFraming(line, colon, &serverHead) }
            return .nothing
        case .end:
            return framingOfResponse
        }
    }

    /// RFC 9112, section 6.3.
    private var framingOfResponse: HTTP1Stream.Framing {
        switch serverHead.code {
        case 101: return .stop
        case 100..<200, 204, 304: return .nothing
        default: break
        }
        if serverHead.tag & Self.isHead != 0 { return .nothing }
        if serverHead.tag & Self.isConnect != 0, serverHead.code < 300 { return .stop }
        if serverHead.isBroken { return .lost }
        if serverHead.isChunked { return .chunked }
        return serverHead.length.map { .length($0) } ?? .lost
    }

    /// The oldest request became this.
    private func answer(_ status: ExchangeStatus, at time: UInt64, _ receiver: any ExchangeReceiver) {
        if pending.isEmpty, let unseenSince {
            receiver.receive(Exchange(.http1, status: status, start: unseenSince, end: time), RequestText())
        }
        pending.removeFirst { request in
            receiver.receive(Exchange(.http1, status: status, start: request.start, end: time), request.text)
        }
    }

    /// The connection is another protocol's from here.
    private func end(_ bytes: RawSpan, _ time: UInt64, _ tail: Int, _ receiver: any ExchangeReceiver) {
        if serverHead.code == 101, serverHead.tag & Self.wantsHTTP2 != 0 {
            let successor = HTTP2Parser(options: options)
            pending.removeFirst { successor.adopt($0) }
            successor.take(bytes, from: .server, at: time, missing: 0, tail: tail, receiver)
            self.successor = successor
        } else {
            isOver = true
        }
        pending.giveUp(before: .max, at: time, .http1, receiver)
    }
}
