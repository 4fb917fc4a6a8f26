/// One direction of an HTTP/2 connection (RFC 9113): cut into frames, header blocks put together and decoded.
///
/// Invariants: never more than `blockLimit` bytes of a header block are kept, of data none; after a gap whose end is not
/// inside a frame nothing is read until `restart`.
struct HTTP2Stream {
    enum Event {
        /// A header block begins on `stream`; its fields follow, and then `headers`.
        case block
        /// The block is over; `code` is 1 if its end was not captured. `time`: when the first byte of its frame was seen.
        case headers
        /// The last byte of the stream's data.
        case end
        case reset
        /// `stream` is the last one that is worked on.
        case goAway
        /// The frame of data that was in hand ended among bytes that were not captured, and more with it.
        case lost
    }

    static let blockLimit = 65_536
    /// Bytes of the end of a segment in which trailers are looked for after a gap.
    private static let trailersLimit = 256

    private var decoder: HPACKDecoder
    private var header: [UInt8] = []
    private var frame = HTTP2Frame()
    /// Bytes of the frame's payload that are still to come.
    private var rest = 0
    /// Whether what is to come of the frame, or of its block, is of no use.
    private var isPassing = false
    /// Beginning of a payload, or a block in several frames.
    private var payload: [UInt8] = []
    private var block: [UInt8] = []
    private var blockStream: UInt32 = 0
    private var blockEnds = false
    /// A block of what the server pushes, which is only read for the sake of the table.
    private var isPromise = false
    /// Whether frames of a block are missing, until its end.
    private var isBlockBroken = false
    private var blockTime: UInt64 = 0
    private var time: UInt64 = 0
    private var prefaceRest = 0
    private var isAtStart = true
    private(set) var isLost = false
    /// How often a gap took more than data.
    private(set) var gaps = 0
    /// The stream whose messages of gRPC are followed, since the headers of it; 0 if there is none.
    private var messageStream: UInt32 = 0
    /// Bytes of its message in hand that come after the frame in hand.
    private var messageRest = 0
    private var bridge: Bridge?

    /// A gap in which nothing but the rest of a message may be: the header table outlives it if that turns out to be true.
    private struct Bridge {
        /// Whether no other stream than one that waits for its trailers can have said anything.
        let isAlone: Bool
        let stream: UInt32
        let messageRest: Int
        /// Bytes since the end of the last known frame.
        var passed: Int

        /// Whether `count` bytes are the rest of the message in frames, and nothing else. The largest frames make the fewest
        /// headers; one header more leaves no room for a block of another stream.
        func isFilled(by count: Int) -> Bool {
            let fewest = (messageRest + HTTP2Frame.standardLength - 1) / HTTP2Frame.standardLength
            let spare = count - messageRest - fewest * HTTP2Frame.headerLength
            return spare == 0 || spare == HTTP2Frame.headerLength
        }
    }

    init(options: ParsingOptions) {
        decoder = HPACKDecoder(wantsText: options.wantsText, valueLimit: options.textLimit)
        header.reserveCapacity(HTTP2Frame.headerLength)
    }

    /// What a reader is told of: events and fields, in their order.
    typealias Tell = (_ event: Event, _ stream: UInt32, _ endsStream: Bool, _ code: UInt32, _ time: UInt64) -> Void
    typealias TellField = (_ field: HTTP2Field, _ value: RawSpan, _ isCut: Bool) -> Void

    /// The next byte begins a frame, whatever was before; if `keepsTable`, nothing but data was.
    mutating func restart(keepsTable: Bool = false) {
        if bridge != nil, !keepsTable {
            decoder.lose()
            gaps &+= 1
        }
        bridge = nil
        messageStream = 0
        header.removeAll(keepingCapacity: true)
        payload.removeAll(keepingCapacity: true)
        block.removeAll(keepingCapacity: true)
        (rest, prefaceRest, blockStream) = (0, 0, 0)
        (isPassing, isBlockBroken, isLost, isAtStart) = (false, false, false, false)
    }

    mutating func lose() {
        restart()
        isLost = true
        decoder.lose()
    }

    /// So many bytes of the stream were not captured; if `isAlone`, no other stream can have said anything in them than one
    /// that has only data and trailers to send.
    mutating func skip(_ count: Int, isAlone: Bool = false, _ tell: Tell, _ tellField: TellField) {
        guard count > 0 else { return }
        if isLost {
            bridge?.passed += count
            return
        }
        let known = rest
        let partial = header.count
        if header.isEmpty, rest > 0 {
            if frame.kind == .data, rest == frame.length, messageStream != 0 { followMessage(RawSpan()) }
            cutPayload(tell, tellField)
            if count <= rest {
                rest -= count
                if rest == 0 { endFrame(tell) }
                return
            }
            if frame.kind == .data { tell(.lost, frame.stream, frame.endsStream, 0, time) }
        }
        // A block that is not read to its end changes the table.
        guard isAlone && blockStream == 0 || messageStream != 0 && messageRest > 0 else {
            gaps &+= 1
            return lose()
        }
        let (stream, left) = (messageStream, messageRest)
        restart()
        isLost = true
        bridge = Bridge(isAlone: isAlone, stream: stream, messageRest: left, passed: partial + count - known)
    }

    /// After a gap: looks for trailers with which a segment ends, of a stream that waits for them. Returns where reading
    /// goes on; what other frames would come before is not known. `bytes` are the last ones of the segment.
    /// `isAlone`: whether since the gap no other stream can have said anything.
    mutating func findTrailers(_ bytes: RawSpan, isAlone: Bool, _ isAwaited: (UInt32) -> Bool) -> Int? {
        var found: Int?
        var start = max(bytes.byteCount - Self.trailersLimit, 0)
        while start + HTTP2Frame.headerLength < bytes.byteCount {
            defer { start += 1 }
            // HEADERS, the end of the block and of the stream.
            guard bytes.byte(start + 3) == 1, bytes.byte(start + 4) == 5 else { continue }
            let frame = HTTP2Frame(bytes.part(start))
            guard isAwaited(frame.stream), HTTP2Frame.fit(bytes.part(start)) else { continue }
            if let bridge,
                bridge.isAlone && isAlone
                    || bridge.stream == frame.stream && bridge.isFilled(by: bridge.passed + start)
            {
                restart(keepsTable: true)
                return start
            }
            if found == nil { found = start }
        }
        if found != nil { restart() }
        return found
    }

    /// Reads what was captured of a segment.
    mutating func feed(_ bytes: RawSpan, at time: UInt64, _ tell: Tell, _ tellField: TellField) {
        var start = 0
        if isLost {
            bridge?.passed += bytes.byteCount
            return
        }
        if isAtStart, bytes.byteCount > 0 {
            isAtStart = false
            if bytes.byte(0) == HTTP2Frame.preface.utf8Start[0] {
                prefaceRest = HTTP2Frame.preface.utf8CodeUnitCount
            }
        }
        while start < bytes.byteCount, !isLost {
            let available = bytes.byteCount - start
            if prefaceRest > 0 {
                let count = min(prefaceRest, available)
                prefaceRest -= count
                start += count
            } else if rest > 0 {
                let count = min(rest, available)
                take(bytes.part(start, start + count), tell, tellField)
                start += count
            } else if header.isEmpty, available >= HTTP2Frame.headerLength {
                self.time = time
                begin(HTTP2Frame(bytes.part(start)), tell, tellField)
                start += HTTP2Frame.headerLength
            } else {
                if header.isEmpty { self.time = time }
                let count = min(HTTP2Frame.headerLength - header.count, available)
                bytes.part(start, start + count).withUnsafeBytes { header.append(contentsOf: $0) }
                start += count
                guard header.count == HTTP2Frame.headerLength else { return }
                let frame = header.withUnsafeBytes { HTTP2Frame(RawSpan(_unsafeBytes: $0)) }
                header.removeAll(keepingCapacity: true)
                begin(frame, tell, tellField)
            }
        }
    }

    private mutating func begin(_ frame: HTTP2Frame, _ tell: Tell, _ tellField: TellField) {
        // Between the frames of a block there is nothing else.
        let isInBlock = blockStream != 0
        if frame.isMalformed || isInBlock && (frame.kind != .continuation || frame.stream != blockStream) {
            return lose()
        }
        self.frame = frame
        rest = frame.length
        switch frame.kind {
        case .headers, .pushPromise, .continuation, .reset, .goAway: isPassing = false
        default: isPassing = true
        }
        if frame.kind == .continuation, !isInBlock || isBlockBroken { isPassing = true }
        if frame.kind == .headers { (messageStream, messageRest) = (frame.endsStream ? 0 : frame.stream, 0) }
        if frame.kind == .data, frame.stream != messageStream || frame.isPadded { messageStream = 0 }
        if frame.kind == .headers || frame.kind == .pushPromise {
            (blockTime, blockEnds, isPromise) = (time, frame.endsStream, frame.kind == .pushPromise)
        }
        if rest == 0 {
            if !isPassing { read(RawSpan(), isCut: false, tell, tellField) }
            endFrame(tell)
        }
    }

    private mutating func take(_ bytes: RawSpan, _ tell: Tell, _ tellField: TellField) {
        if frame.kind == .data, rest == frame.length, messageStream != 0 { followMessage(bytes) }
        rest -= bytes.byteCount
        if !isPassing {
            if payload.isEmpty, rest == 0 {
                read(bytes, isCut: false, tell, tellField)
            } else {
                bytes.withUnsafeBytes { payload.append(contentsOf: $0) }
                if rest == 0 { readKept(isCut: false, tell, tellField) }
                // What is longer is of no use.
                if payload.count > Self.blockLimit { cutPayload(tell, tellField) }
            }
        }
        if rest == 0, !isLost { endFrame(tell) }
    }

    /// The payload of a frame of data begins with `bytes`: a message has 5 bytes before it, compressed or not and its length.
    private mutating func followMessage(_ bytes: RawSpan) {
        if messageRest == 0 {
            guard bytes.byteCount >= 5, bytes.byte(0) <= 1 else {
                messageStream = 0
                return
            }
            messageRest = 5 + Int(bytes.big32(1))
        }
        // Of several in one frame, nobody says where the last one begins.
        if messageRest < frame.length { messageStream = 0 } else { messageRest -= frame.length }
    }

    private mutating func endFrame(_ tell: Tell) {
        if frame.kind == .continuation, frame.endsHeaders { (blockStream, isBlockBroken) = (0, false) }
        if frame.kind == .data, frame.endsStream { tell(.end, frame.stream, true, 0, time) }
    }

    /// The rest of the payload will not be seen.
    private mutating func cutPayload(_ tell: Tell, _ tellField: TellField) {
        if isPassing { return }
        readKept(isCut: true, tell, tellField)
        isPassing = true
    }

    private mutating func readKept(isCut: Bool, _ tell: Tell, _ tellField: TellField) {
        // `read` cannot have the array that it may change.
        var whole: [UInt8] = []
        swap(&whole, &payload)
        whole.withUnsafeBytes { read(RawSpan(_unsafeBytes: $0), isCut: isCut, tell, tellField) }
        swap(&whole, &payload)
        payload.removeAll(keepingCapacity: true)
    }

    private mutating func read(_ bytes: RawSpan, isCut: Bool, _ tell: Tell, _ tellField: TellField) {
        switch frame.kind {
        case .headers:
            let padding = frame.isPadded ? Int(bytes.byte(0)) : 0
            let start = (frame.isPadded ? 1 : 0) + (frame.hasPriority ? 5 : 0)
            readFragment(bytes, start, padding, isCut, tell, tellField)
        case .pushPromise:
            let padding = frame.isPadded ? Int(bytes.byte(0)) : 0
            readFragment(bytes, (frame.isPadded ? 1 : 0) + 4, padding, isCut, tell, tellField)
        case .continuation:
            readFragment(bytes, 0, 0, isCut, tell, tellField)
        case .reset:
            if !isCut { tell(.reset, frame.stream, true, bytes.big32(0), time) }
        case .goAway:
            if bytes.byteCount >= 8 { tell(.goAway, bytes.big32(0) & 0x7FFF_FFFF, true, bytes.big32(4), time) }
        default:
            break
        }
    }

    /// Reads the part of a block that a frame has.
    private mutating func readFragment(
        _ bytes: RawSpan, _ start: Int, _ padding: Int, _ isCut: Bool, _ tell: Tell, _ tellField: TellField
    ) {
        let isFirst = frame.kind != .continuation
        if !isCut, start + padding > bytes.byteCount { return lose() }
        // Of what is cut, the padding is not there.
        let end = isCut ? min(bytes.byteCount, frame.length - padding) : bytes.byteCount - padding
        let fragment = bytes.part(start, end)
        let isWhole = frame.endsHeaders || isCut
        if isFirst, !frame.endsHeaders { (blockStream, isBlockBroken) = (frame.stream, isCut) }
        if !isFirst, isCut { isBlockBroken = !frame.endsHeaders }
        if isFirst, isWhole {
            decode(fragment, isCut: isCut, tell, tellField)
            return
        }
        if block.count + fragment.byteCount > Self.blockLimit {
            isBlockBroken = true
            decodeBlock(isCut: true, tell, tellField)
            return
        }
        fragment.withUnsafeBytes { block.append(contentsOf: $0) }
        if isWhole { decodeBlock(isCut: isCut, tell, tellField) }
    }

    private mutating func decodeBlock(isCut: Bool, _ tell: Tell, _ tellField: TellField) {
        var whole: [UInt8] = []
        swap(&whole, &block)
        whole.withUnsafeBytes { decode(RawSpan(_unsafeBytes: $0), isCut: isCut, tell, tellField) }
        swap(&whole, &block)
        block.removeAll(keepingCapacity: true)
    }

    private mutating func decode(_ fragment: RawSpan, isCut: Bool, _ tell: Tell, _ tellField: TellField) {
        let stream = isPromise ? 0 : frame.stream
        tell(.block, stream, blockEnds, 0, blockTime)
        decoder.decode(fragment, isCut: isCut, tellField)
        tell(.headers, stream, blockEnds, isCut ? 1 : 0, blockTime)
    }
}
