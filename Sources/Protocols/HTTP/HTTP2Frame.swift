/// The header of a frame (RFC 9113, section 4.1).
struct HTTP2Frame {
    static let headerLength = 9
    /// The longest payload where nobody agreed on more (section 4.2).
    static let standardLength = 16_384
    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case priority = 2
        case reset = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    /// Longest payload that anybody is believed without a known beginning.
    private static let plausibleLength = 1 << 20

    var length = 0
    /// Nil of an extension, which is to be ignored.
    var kind: Kind?
    var flags: UInt8 = 0
    var stream: UInt32 = 0

    init() {}

    /// The first 9 bytes of `bytes`.
    init(_ bytes: RawSpan) {
        length = Int(bytes.big24(0))
        kind = Kind(rawValue: bytes.byte(3))
        flags = bytes.byte(4)
        stream = bytes.big32(5) & 0x7FFF_FFFF
    }

    var endsStream: Bool { flags & 0x01 != 0 && (kind == .data || kind == .headers) }
    var endsHeaders: Bool { flags & 0x04 != 0 }
    var isPadded: Bool { flags & 0x08 != 0 }
    var hasPriority: Bool { flags & 0x20 != 0 }

    /// What no peer may send.
    var isMalformed: Bool {
        switch kind {
        case .data, .headers, .continuation, .pushPromise: stream == 0
        case .priority: stream == 0 || length != 5
        case .reset: stream == 0 || length != 4
        case .settings: stream != 0 || length % 6 != 0 || flags & 1 == 1 && length > 0
        case .ping: stream != 0 || length != 8
        case .goAway: stream != 0 || length < 8
        case .windowUpdate: length != 4
        case nil: false
        }
    }

    /// Whether bytes of which nobody knows where they begin may be such a header: strict, where `isMalformed` is not.
    private func isPlausible(from side: Side) -> Bool {
        guard let kind, !isMalformed, length <= Self.plausibleLength else { return false }
        let allowed: UInt8 =
            switch kind {
            case .data: 0x09
            case .headers: 0x2D
            case .settings, .ping: 0x01
            case .pushPromise: 0x0C
            case .continuation: 0x04
            default: 0
            }
        if flags & ~allowed != 0 { return false }
        // Clients open odd streams; what is pushed is rare.
        return stream == 0 || stream & 1 == 1
    }

    /// Whether bytes from the server are whole frames, and nothing else.
    static func fit(_ bytes: RawSpan) -> Bool {
        var at = 0
        while at < bytes.byteCount {
            guard bytes.byteCount - at >= headerLength else { return false }
            let frame = HTTP2Frame(bytes.part(at))
            guard frame.isPlausible(from: .server) else { return false }
            at += headerLength + frame.length
        }
        return at == bytes.byteCount
    }

    /// How much bytes look like frames, from their beginning to the end of the segments that they come from.
    static func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        var at = 0
        var best = Likeness.maybe
        if side == .client {
            let known = preface.utf8CodeUnitCount
            let count = min(bytes.byteCount, known)
            var same = 0
            while same < count, bytes.byte(same) == preface.utf8Start[same] { same += 1 }
            if same >= 16 { return .certain }
            if same > 0 { return same == bytes.byteCount && length == same ? .partial : .no }
        }
        while at < length {
            guard bytes.byteCount - at >= headerLength else {
                return at > 0 ? best : length < headerLength ? .partial : .no
            }
            if bytes.byte(at + 5) & 0x80 != 0 { return .no }
            let frame = HTTP2Frame(bytes.part(at))
            guard frame.isPlausible(from: side) else { return .no }
            let payload = bytes.part(at + headerLength, at + headerLength + frame.length)
            if payload.byteCount == frame.length || frame.kind == .headers {
                switch frame.kind {
                case .settings where !hasKnownSettings(payload): return .no
                case .settings where frame.length > 0: best = .certain
                case .headers where frame.length > 0:
                    best = at + headerLength + frame.length <= length ? .certain : best
                case .windowUpdate where payload.big32(0) == 0 || payload.byte(0) & 0x80 != 0: return .no
                case .windowUpdate, .reset, .goAway, .ping: if at > 0 || length == 9 + frame.length { best = .certain }
                default: if at > 0 { best = .certain }
                }
            }
            at += headerLength + frame.length
        }
        return best
    }

    /// RFC 9113, section 6.5.2; RFC 8441; RFC 9218; and gRPC's own (0xFE03) .
    private static func hasKnownSettings(_ payload: RawSpan) -> Bool {
        var at = 0
        while at < payload.byteCount {
            let identifier = payload.big16(at)
            // Peers also send what nobody knows, on purpose (RFC 9113, section 5.5: x?a?a).
            if identifier == 0 || identifier > 0x10, identifier & 0x0F0F != 0x0A0A, identifier < 0xF000 { return false }
            at += 6
        }
        return true
    }
}
