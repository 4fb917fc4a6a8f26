/// HTTP/2 (RFC 9113) and gRPC on it (grpc.io, "gRPC over HTTP2").
///
/// A request is a stream that the client opens. It ends with the first byte of the headers of the final response; one of gRPC
/// with the trailers that say `grpc-status`, which is what its caller waits for. A stream that is reset, or that the server says
/// it will not work on, ends there: of gRPC with the status that its document gives to the error code.
///
/// Connections that are older than the agent, and gaps, leave the header tables unknown: a field that is a reference to what
/// nobody saw stays unknown (`HPACKDecoder`). Where a response is not known to be gRPC or not, its end decides.
/// Of gRPC whose trailers were not captured, the status is that of HTTP.
final class HTTP2Parser: ProtocolParser {
    /// What a request's `tag` has above the status of its response (10 bits).
    private enum Tag {
        static let status: UInt32 = 0x3FF
        static let wasAnswered: UInt32 = 1 << 10
        /// The request says that it is gRPC.
        static let asksGRPC: UInt32 = 1 << 11
        /// The response does.
        static let isGRPC: UInt32 = 1 << 12
        /// The client has said all.
        static let isAsked: UInt32 = 1 << 13
        /// The server said something after that which was not captured: perhaps the answer.
        static let isDoubtful: UInt32 = 1 << 14
        /// Its data went on in bytes that were not captured: the trailers may come, or have been among them.
        static let isCut: UInt32 = 1 << 15
    }

    /// What the fields of a block say.
    private struct Block {
        var status: UInt16?
        var grpcStatus: UInt8?
        var hasContentType = false
        var isGRPC = false
        var hasUnknown = false
    }

    /// Segments in a row that were looked at in vain for the beginning of a frame.
    private static let maximumFailures = 128

    private var client: HTTP2Stream
    private var server: HTTP2Stream
    /// By stream, in ascending order.
    private var pending = PendingRequests(limit: 1024)
    private var lastStream: UInt32 = 0
    private var block = Block()
    private var trace = TraceHeaders()
    /// Whether the fields that come are those of a request.
    private var isOpening = false
    private var failures = 0
    /// Whether some request `isCut`.
    private var hasCut = false
    /// The last stream when the client gave one up, and the one that alone could say anything when the server's stream was lost.
    private var lastReset: UInt32 = 0
    private var alone: UInt32 = 0

    required init(options: ParsingOptions) {
        client = HTTP2Stream(options: options)
        server = HTTP2Stream(options: options)
        super.init(options: options)
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { client.gaps + server.gaps }
    override var isLost: Bool { failures > Self.maximumFailures }

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        HTTP2Frame.likeness(bytes, length: length, from: side)
    }

    /// A request of HTTP/1 that asked for HTTP/2 is the first stream (RFC 7540, section 3.2).
    func adopt(_ request: borrowing PendingRequests.Request) {
        let text = request.text
        pending.add(start: request.start, key: 1, tag: Tag.isAsked) { $0 = text }
        lastStream = 1
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        switch side {
        case .client:
            client.skip(missing, { readClient($0, $1, $2, $3, $4, receiver) }, readRequestField)
            if client.isLost, mayRestart(bytes, tail, side) { client.restart() }
            client.feed(bytes, at: time, { readClient($0, $1, $2, $3, $4, receiver) }, readRequestField)
            client.skip(tail, { readClient($0, $1, $2, $3, $4, receiver) }, readRequestField)
        case .server:
            passResponses(missing, time, receiver)
            var start = 0
            if server.isLost {
                let isAlone = alone != 0 && alone == onlyStream && alone == lastStream
                if tail == 0, let found = server.findTrailers(bytes, isAlone: isAlone, awaitsTrailers) {
                    start = found
                } else if mayRestart(bytes, tail, side) {
                    let goesOn = isAlone && HTTP2Frame(bytes).stream == alone
                    server.restart(keepsTable: goesOn)
                    if !goesOn { finishCut(receiver) }
                }
            }
            let wasLost = server.isLost
            server.feed(bytes.part(start), at: time, { readServer($0, $1, $2, $3, $4, receiver) }, readResponseField)
            if server.isLost, !wasLost { lose(isAlone: false, at: time) }
            passResponses(tail, time, receiver)
        }
    }

    /// So many bytes of the server were not captured.
    private func passResponses(_ count: Int, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        let (wasLost, only) = (server.isLost, onlyStream)
        // Older streams may have been answered with data that still come, but with no more headers.
        let isAlone = only != 0 && only == lastStream
        server.skip(
            count, isAlone: isAlone, { readServer($0, $1, $2, $3, $4, receiver) }, readResponseField)
        if server.isLost, !wasLost { lose(isAlone: isAlone, at: time) }
    }

    private func lose(isAlone: Bool, at time: UInt64) {
        alone = isAlone ? lastStream : 0
        doubt(at: time)
    }

    /// The only stream that is not answered to its end, if its headers were seen and none before it was given up after it
    /// began; 0 if there is no such stream.
    private var onlyStream: UInt32 {
        guard pending.count == 1, !client.isLost, pending[0].tag & Tag.wasAnswered != 0,
            pending[0].key > UInt64(lastReset)
        else { return 0 }
        return UInt32(truncatingIfNeeded: pending[0].key)
    }

    /// Frames were not captured: whatever was asked may have its answer among them.
    private func doubt(at time: UInt64) {
        for index in 0..<pending.count {
            let tag = pending[index].tag
            if tag & Tag.isAsked == 0 || tag & Tag.wasAnswered != 0 { continue }
            pending[index].tag = tag | Tag.isDoubtful
            pending[index].mark = time
        }
    }

    private func awaitsTrailers(_ stream: UInt32) -> Bool {
        guard let index = index(of: stream) else { return false }
        return pending[index].tag & (Tag.isGRPC | Tag.wasAnswered) == Tag.isGRPC | Tag.wasAnswered
    }

    /// Trailers that did not come by now were among bytes that were not captured.
    private func finishCut(_ receiver: any ExchangeReceiver) {
        var index = 0
        while hasCut, index < pending.count {
            let tag = pending[index].tag
            if tag & Tag.isCut != 0 {
                finish(index, .http(UInt16(tag & Tag.status)), at: pending[index].mark, receiver)
            } else {
                index += 1
            }
        }
        hasCut = false
    }

    private func mayRestart(_ bytes: RawSpan, _ tail: Int, _ side: Side) -> Bool {
        if bytes.byteCount == 0 { return false }
        if bytes.byteCount >= HTTP2Frame.headerLength,
            HTTP2Frame.likeness(bytes, length: bytes.byteCount + tail, from: side) != .no
        {
            failures = 0
            return true
        }
        failures += 1
        return false
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        // In the order of their streams, which is that of their beginnings.
        while !pending.isEmpty, pending[0].start < deadline { giveUpOldest(at: time, receiver) }
    }

    private func giveUpOldest(at time: UInt64, _ receiver: any ExchangeReceiver) {
        let (tag, mark) = (pending[0].tag, pending[0].mark)
        if tag & Tag.wasAnswered != 0 {
            finish(0, .http(UInt16(tag & Tag.status)), at: mark, receiver)
        } else if tag & Tag.isDoubtful != 0 {
            finish(0, .http(0), at: mark, receiver)
        } else {
            finish(0, .unanswered, at: time, receiver)
        }
    }

    // MARK: The client's side

    private func readClient(
        _ event: HTTP2Stream.Event, _ stream: UInt32, _ endsStream: Bool, _ code: UInt32, _ time: UInt64,
        _ receiver: any ExchangeReceiver
    ) {
        switch event {
        case .block:
            isOpening = stream & 1 == 1 && stream > lastStream
            guard isOpening else { return }
            lastStream = stream
            if server.isLost { finishCut(receiver) }
            if pending.isFull { giveUpOldest(at: time, receiver) }
            trace = TraceHeaders()
            pending.add(start: time, key: UInt64(stream), tag: endsStream ? Tag.isAsked : 0)
        case .headers:
            // Trailers of a request.
            if !isOpening, endsStream, let index = index(of: stream) { pending[index].tag |= Tag.isAsked }
            isOpening = false
        case .end:
            if let index = index(of: stream) { pending[index].tag |= Tag.isAsked }
        case .reset:
            lastReset = lastStream
            guard let index = index(of: stream) else { return }
            let tag = pending[index].tag
            if tag & (Tag.asksGRPC | Tag.isGRPC) != 0 {
                // Whatever its reason, its caller has given up.
                finish(index, .grpc(1), at: time, receiver)
            } else {
                end(index, at: time, receiver)
            }
        case .goAway, .lost:
            break
        }
    }

    private func readRequestField(_ field: HTTP2Field, _ value: RawSpan, _ isCut: Bool) {
        guard isOpening, !pending.isEmpty else { return }
        let index = pending.count - 1
        switch field {
        case .contentType:
            if Self.isGRPC(value) { pending[index].tag |= Tag.asksGRPC }
        case .method: pending[index].text.add(.operation, value, limit: 64, isCut: isCut)
        case .path: pending[index].text.add(.target, value, limit: options.textLimit, isCut: isCut)
        case .scheme: pending[index].text.add(.scheme, value, limit: 64, isCut: isCut)
        case .authority: pending[index].text.add(.authority, value, limit: 256, isCut: isCut)
        case .traceparent: takeTrace(.traceparent, value)
        case .b3: takeTrace(.b3, value)
        case .b3TraceID: takeTrace(.b3TraceID, value)
        case .b3SpanID: takeTrace(.b3SpanID, value)
        case .b3Sampled: takeTrace(.b3Sampled, value)
        case .b3Flags: takeTrace(.b3Flags, value)
        case .other, .unknown, .status, .grpcStatus: break
        }
    }

    private func takeTrace(_ name: TraceHeaders.Name, _ value: RawSpan) {
        trace.take(name, value)
        pending[pending.count - 1].text.context = trace.context
    }

    // MARK: The server's side

    private func readServer(
        _ event: HTTP2Stream.Event, _ stream: UInt32, _ endsStream: Bool, _ code: UInt32, _ time: UInt64,
        _ receiver: any ExchangeReceiver
    ) {
        switch event {
        case .block:
            block = Block()
        case .headers:
            if code != 0 { block.hasUnknown = true }
            guard let index = index(of: stream) else { return }
            if pending[index].tag & Tag.wasAnswered == 0 {
                takeHeaders(index, endsStream, time, receiver)
            } else {
                takeTrailers(index, endsStream, time, receiver)
            }
        case .end:
            guard let index = index(of: stream) else { return }
            if pending[index].tag & Tag.wasAnswered == 0 {
                // The answer's headers were not captured.
                finish(index, .http(0), at: time, receiver)
            } else {
                end(index, at: time, receiver)
            }
        case .reset:
            guard let index = index(of: stream) else { return }
            if pending[index].tag & (Tag.asksGRPC | Tag.isGRPC) != 0 {
                finish(index, .grpc(Self.grpcStatus(ofReset: code)), at: time, receiver)
            } else {
                end(index, at: time, receiver)
            }
        case .goAway:
            while !pending.isEmpty, pending[pending.count - 1].key > UInt64(stream) {
                finish(pending.count - 1, .unanswered, at: time, receiver)
            }
        case .lost:
            guard let index = index(of: stream) else { return }
            let tag = pending[index].tag
            if tag & Tag.wasAnswered != 0, tag & Tag.isAsked != 0 {
                // They may follow.
                pending[index].tag = tag | Tag.isCut
                pending[index].mark = time
                hasCut = true
            }
        }
    }

    private func readResponseField(_ field: HTTP2Field, _ value: RawSpan, _ isCut: Bool) {
        switch field {
        case .status:
            if let number = HTTP1Line.number(value), (100...999).contains(number) { block.status = UInt16(number) }
        case .grpcStatus:
            // What is no number, or none that there is, is UNKNOWN.
            let number = HTTP1Line.number(value) ?? 2
            block.grpcStatus = UInt8(exactly: number) ?? 2
        case .contentType:
            block.hasContentType = true
            block.isGRPC = Self.isGRPC(value)
        case .unknown:
            block.hasUnknown = true
        default:
            break
        }
    }

    private func takeHeaders(_ index: Int, _ endsStream: Bool, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        // Interim responses.
        if let status = block.status, status < 200 { return }
        if let status = block.grpcStatus { return finish(index, .grpc(status), at: time, receiver) }
        let status = block.status ?? 0
        let mayBeGRPC = block.isGRPC || block.hasUnknown && !block.hasContentType
        if !mayBeGRPC || endsStream && !block.isGRPC { return finish(index, .http(status), at: time, receiver) }
        var tag = pending[index].tag
        tag |= UInt32(status) & Tag.status | Tag.wasAnswered | (block.isGRPC ? Tag.isGRPC : 0)
        pending[index].tag = tag
        pending[index].mark = time
        if endsStream { endWithoutStatus(index, at: time, receiver) }
    }

    private func takeTrailers(_ index: Int, _ endsStream: Bool, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        if let status = block.grpcStatus {
            finish(index, .grpc(status), at: time, receiver)
        } else if endsStream {
            endWithoutStatus(index, at: time, receiver)
        }
    }

    /// The stream is over, and its last block did not say the status of gRPC, or not to who was not there in time.
    private func endWithoutStatus(_ index: Int, at time: UInt64, _ receiver: any ExchangeReceiver) {
        if pending[index].tag & Tag.isGRPC != 0, block.hasUnknown { return finish(index, .http(0), at: time, receiver) }
        end(index, at: time, receiver)
    }

    /// The stream is over.
    private func end(_ index: Int, at time: UInt64, _ receiver: any ExchangeReceiver) {
        let tag = pending[index].tag
        if tag & Tag.isGRPC != 0 {
            // "gRPC over HTTP2": a stream that ends without a status is UNKNOWN.
            finish(index, .grpc(2), at: time, receiver)
        } else if tag & Tag.wasAnswered != 0 {
            finish(index, .http(UInt16(tag & Tag.status)), at: pending[index].mark, receiver)
        } else {
            finish(index, .unanswered, at: time, receiver)
        }
    }

    private func finish(_ index: Int, _ status: ExchangeStatus, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.remove(at: index) { request in
            receiver.receive(Exchange(.http2, status: status, start: request.start, end: time), request.text)
        }
    }

    private func index(of stream: UInt32) -> Int? {
        var (low, high) = (0, pending.count)
        while low < high {
            let middle = (low + high) / 2
            let key = pending[middle].key
            if key == UInt64(stream) { return middle }
            if key < UInt64(stream) { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// `application/grpc`, alone or with a format; not gRPC-Web, which has its trailers in its data.
    private static func isGRPC(_ type: RawSpan) -> Bool {
        let name: StaticString = "application/grpc"
        guard type.has(name) else { return false }
        let next = type.byte(name.utf8CodeUnitCount)
        return type.byteCount == name.utf8CodeUnitCount || next == 0x2B || next == 0x3B || next == 0x20
    }

    /// "gRPC over HTTP2", "Errors": error codes of HTTP/2 and what clients make of them.
    private static func grpcStatus(ofReset code: UInt32) -> UInt8 {
        switch code {
        case 0x7: 14  // REFUSED_STREAM: UNAVAILABLE
        case 0x8: 1  // CANCEL: CANCELLED
        case 0xB: 8  // ENHANCE_YOUR_CALM: RESOURCE_EXHAUSTED
        case 0xC: 7  // INADEQUATE_SECURITY: PERMISSION_DENIED
        default: 13  // INTERNAL
        }
    }
}
