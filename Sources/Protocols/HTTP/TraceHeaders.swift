/// The trace that a request names in its headers: W3C Trace Context (`traceparent`), or B3 in one header (`b3`) or in several
/// (`X-B3-TraceId`, `X-B3-SpanId`, `X-B3-Sampled`, `X-B3-Flags`; openzipkin/b3-propagation). `traceparent` comes first.
struct TraceHeaders {
    enum Name {
        case traceparent
        case b3
        case b3TraceID
        case b3SpanID
        case b3Sampled
        case b3Flags
    }

    private var isFromParent = false
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var span: UInt64 = 0
    private var isSampled = true

    /// Nil until the headers so far name a trace and a span.
    var context: TraceContext? {
        guard high != 0 || low != 0, span != 0 else { return nil }
        return TraceContext(traceHigh: high, traceLow: low, parent: span, isSampled: isSampled)
    }

    mutating func take(_ name: Name, _ value: RawSpan) {
        if isFromParent { return }
        switch name {
        case .traceparent: takeParent(value)
        case .b3: takeSingle(value)
        case .b3TraceID: takeTrace(value)
        case .b3SpanID: if value.byteCount == 16 { span = Self.hex(value) ?? 0 }
        case .b3Sampled: isSampled = value.byte(0) == 0x31 || value.byte(0) == 0x74
        case .b3Flags: if value.byteCount == 1, value.byte(0) == 0x31 { isSampled = true }
        }
    }

    /// `VERSION-TRACE-PARENT-FLAGS`: versions beyond 00 may have more behind it; ff is none.
    private mutating func takeParent(_ value: RawSpan) {
        guard value.byteCount == 55 || value.byteCount > 55 && value.byte(55) == 0x2D,
            value.byte(2) == 0x2D, value.byte(35) == 0x2D, value.byte(52) == 0x2D,
            let version = Self.hex(value.part(0, 2)), version != 0xFF, version != 0 || value.byteCount == 55,
            let high = Self.hex(value.part(3, 19)), let low = Self.hex(value.part(19, 35)), high != 0 || low != 0,
            let span = Self.hex(value.part(36, 52)), span != 0, let flags = Self.hex(value.part(53, 55))
        else { return }
        (self.high, self.low, self.span, isSampled, isFromParent) = (high, low, span, flags & 1 == 1, true)
    }

    /// `TRACE-SPAN[-STATE[-PARENT]]`; a state alone names no trace.
    private mutating func takeSingle(_ value: RawSpan) {
        guard let end = value.firstIndex(of: 0x2D), end == 16 || end == 32, value.byteCount >= end + 17,
            let span = Self.hex(value.part(end + 1, end + 17))
        else { return }
        takeTrace(value.part(0, end))
        self.span = span
        if value.byte(end + 17) == 0x2D { isSampled = value.byte(end + 18) != 0x30 }
    }

    private mutating func takeTrace(_ value: RawSpan) {
        switch value.byteCount {
        case 16: (high, low) = (0, Self.hex(value) ?? 0)
        case 32: (high, low) = (Self.hex(value.part(0, 16)) ?? 0, Self.hex(value.part(16, 32)) ?? 0)
        default: return
        }
    }

    /// At most 16 hexadecimal digits; nil of anything else.
    private static func hex(_ digits: RawSpan) -> UInt64? {
        guard digits.byteCount > 0, digits.byteCount <= 16 else { return nil }
        var number: UInt64 = 0
        for index in 0..<digits.byteCount {
            let digit = digits.byte(index)
            switch digit {
            case 0x30...0x39: number = number << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: number = number << 4 | UInt64(digit - 0x61 + 10)
            case 0x41...0x46: number = number << 4 | UInt64(digit - 0x41 + 10)
            default: return nil
            }
        }
        return number
    }
}
