/// One direction of an HTTP/1 connection (RFC 9112): cut into lines where there are lines, bodies passed over.
///
/// Invariants: of a line never more than `limit` bytes are kept, of a body none; from the moment that it is not certain where
/// the next message begins, nothing is read until `restart`.
struct HTTP1Stream {
    enum Part {
        /// Request line or status line. Answered with `lost`, it is none.
        case start
        case header
        /// The empty line: the answer says what follows.
        case end
    }

    /// What follows.
    enum Framing {
        /// More of this head, or the next message.
        case nothing
        case length(Int)
        case chunked
        /// Bytes that have no known end.
        case lost
        /// Another protocol: the bytes from here on are not read.
        case stop
    }

    private enum State {
        case start
        case headers
        case body
        case chunkSize
        case chunk
        case trailers
        case lost
        case stopped
    }

    let limit: Int
    /// Bit n: headers whose names have n bytes are told to the reader, others are passed over.
    private let nameLengths: UInt32
    private var state = State.start
    private var line: [UInt8] = []
    /// Whether the line in hand is longer than what is kept of it.
    private var isCut = false
    /// Bytes of the body or chunk that are still to come.
    private var rest = 0
    /// When the first byte of the last start line was seen; readers are told.
    private var time: UInt64 = 0
    /// How often the place was lost.
    private(set) var losses = 0
    /// How often bytes that were not captured were the reason.
    private(set) var gaps = 0

    init(limit: Int, namesOfLength lengths: [UInt32]) {
        self.limit = max(limit, 64)
        nameLengths = lengths.reduce(0) { $0 | 1 << $1 }
    }

    var isLost: Bool { state == .lost }
    var isStopped: Bool { state == .stopped }
    var isInBody: Bool { state == .body }

    /// The next byte begins a message, whatever was before.
    mutating func restart() {
        state = .start
        line.removeAll(keepingCapacity: true)
        isCut = false
    }

    mutating func lose() {
        if state == .stopped { return }
        restart()
        state = .lost
        losses &+= 1
    }

    /// So many bytes of the stream were not captured.
    mutating func skip(_ count: Int, _ read: (Part, RawSpan, _ isCut: Bool, _ time: UInt64) -> Framing) {
        guard count > 0 else { return }
        switch state {
        case .body where count <= rest, .chunk where count <= rest:
            pass(count)
        case .start where !line.isEmpty:
            _ = line.withUnsafeBytes { read(.start, RawSpan(_unsafeBytes: $0), true, time) }
            lose()
            gaps &+= 1
        case .lost, .stopped:
            break
        default:
            lose()
            gaps &+= 1
        }
    }

    /// Reads what was captured of a segment; returns how many bytes were read, which are all but those after `stop`.
    mutating func feed(
        _ bytes: RawSpan, at time: UInt64, _ read: (Part, RawSpan, _ isCut: Bool, _ time: UInt64) -> Framing
    ) -> Int {
        var start = 0
        while start < bytes.byteCount {
            switch state {
            case .lost:
                return bytes.byteCount
            case .stopped:
                return start
            case .body, .chunk:
                let count = min(rest, bytes.byteCount - start)
                pass(count)
                start += count
            case .start, .headers, .chunkSize, .trailers:
                if state == .start, line.isEmpty { self.time = time }
                guard let end = bytes.firstIndex(of: 0x0A, from: start) else {
                    keep(bytes.part(start))
                    return bytes.byteCount
                }
                if line.isEmpty {
                    take(bytes.part(start, end), read)
                } else {
                    keep(bytes.part(start, end))
                    // `take` cannot have the array that it may change.
                    var whole: [UInt8] = []
                    swap(&whole, &line)
                    whole.withUnsafeBytes { take(RawSpan(_unsafeBytes: $0), read) }
                    swap(&whole, &line)
                    line.removeAll(keepingCapacity: true)
                    isCut = false
                }
                start = end + 1
            }
        }
        return start
    }

    private mutating func pass(_ count: Int) {
        rest -= count
        if rest == 0 { state = state == .body ? .start : .chunkSize }
    }

    private mutating func keep(_ bytes: RawSpan) {
        let count = min(bytes.byteCount, limit - line.count)
        if count < bytes.byteCount { isCut = true }
        bytes.part(0, count).withUnsafeBytes { line.append(contentsOf: $0) }
    }

    /// Reads a line without its end.
    private mutating func take(_ bytes: RawSpan, _ read: (Part, RawSpan, Bool, UInt64) -> Framing) {
        let hasReturn = bytes.byteCount > 0 && bytes.byte(bytes.byteCount - 1) == 0x0D && !isCut
        let text = bytes.part(0, hasReturn ? bytes.byteCount - 1 : bytes.byteCount)
        switch state {
        case .start:
            // Empty lines before a message are to be ignored.
            if text.byteCount == 0 { return }
            if case .lost = read(.start, text, isCut, time) { return lose() }
            state = .headers
        case .headers:
            if text.byteCount > 0 {
                if let colon = text.firstIndex(of: 0x3A), colon < 32, nameLengths & 1 << UInt32(colon) != 0 {
                    _ = read(.header, text, isCut, time)
                }
                return
            }
            switch read(.end, text, false, time) {
            case .nothing, .length(0): state = .start
            case .length(let length): (state, rest) = (.body, length)
            case .chunked: state = .chunkSize
            case .lost: lose()
            case .stop: state = .stopped
            }
        case .chunkSize:
            guard let size = Self.chunkSize(text) else { return lose() }
            // The data end with a line end of their own.
            (state, rest) = size == 0 ? (.trailers, 0) : (.chunk, size + 2)
        case .trailers:
            if text.byteCount == 0 { state = .start }
        case .body, .chunk, .lost, .stopped:
            break
        }
    }

    /// Hexadecimal, up to an extension; nil where it is none.
    private static func chunkSize(_ text: RawSpan) -> Int? {
        var (size, digits) = (0, 0)
        for index in 0..<text.byteCount {
            let digit = text.byte(index)
            switch digit {
            case 0x30...0x39: size = size << 4 | Int(digit - 0x30)
            case 0x41...0x46: size = size << 4 | Int(digit - 0x41 + 10)
            case 0x61...0x66: size = size << 4 | Int(digit - 0x61 + 10)
            case 0x3B, 0x20, 0x09: return digits > 0 ? size : nil
            default: return nil
            }
            digits += 1
            // 2^60 bytes are more than any body has.
            if digits > 15 { return nil }
        }
        return digits > 0 ? size : nil
    }
}
