/// The id of a span (W3C Trace Context, parent-id): eight bytes that are not all zero.
public struct SpanID: Sendable, Equatable {
    public let value: UInt64

    /// 16 hexadecimal digits.
    public init?(hexadecimal text: Span<UInt8>) {
        guard text.count == 16, let value = Self.number(text), value != 0 else { return nil }
        self.value = value
    }

    /// At most 16 digits, the most significant first.
    static func number(_ digits: Span<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for index in digits.indices {
            guard let digit = digits[index].hexValue else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    public var hexadecimal: String { Self.text(value) }

    static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
