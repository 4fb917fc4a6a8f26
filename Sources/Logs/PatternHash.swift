/// The name of a pattern: 32 hexadecimal digits, or nothing where a message has no pattern.
public struct PatternHash: Sendable {
    public let isEmpty: Bool
    private let digits: InlineArray<32, UInt8>

    /// Of messages of a level without patterns.
    public static let none = PatternHash("")

    /// Takes 32 digits; any other text makes it empty.
    init(_ text: String) {
        var digits = InlineArray<32, UInt8>(repeating: UInt8(ascii: "0"))
        var count = 0
        for byte in text.utf8 {
            if count < 32 { digits[count] = byte }
            count += 1
        }
        self.digits = digits
        isEmpty = count != 32
    }

    /// 32 bytes of ASCII, or none.
    public var text: Span<UInt8> {
        @_lifetime(borrow self)
        get { digits.span.extracting(0..<(isEmpty ? 0 : 32)) }
    }
}
