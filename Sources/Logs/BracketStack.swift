/// Open brackets. Of those nested more than 64 deep only the number is kept: any closing bracket closes one of them.
struct BracketStack {
    private static let deepest = 64

    /// Two bits for each bracket, the outermost lowest.
    private var kinds: UInt128 = 0
    private var depth = 0

    var isEmpty: Bool { depth == 0 }

    mutating func open(_ byte: UInt8) {
        if depth < Self.deepest { kinds |= Self.kind(byte) << UInt128(2 * depth) }
        depth += 1
    }

    /// Closes the innermost bracket if `byte` is its counterpart.
    mutating func close(_ byte: UInt8) -> Bool {
        guard depth > 0 else { return false }
        if depth <= Self.deepest {
            let place = UInt128(2 * (depth - 1))
            guard kinds >> place & 3 == Self.kind(byte) else { return false }
            kinds &= ~(3 << place)
        }
        depth -= 1
        return true
    }

    private static func kind(_ byte: UInt8) -> UInt128 {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "]"): 1
        case UInt8(ascii: "("), UInt8(ascii: ")"): 2
        default: 3
        }
    }
}
