/// The static Huffman code of HPACK (RFC 7541, appendix B).
///
/// The code is canonical: codes of one length are consecutive numbers in the order of their symbols, and follow those of the
/// shorter ones. So the lengths say it all.
struct HuffmanCode {
    static let hpack = HuffmanCode(lengths: hpackLengths)

    /// Bits that are looked up at once.
    private static let quickBits = 9
    private static let longest = 30
    private static let endOfString = 256

    /// By the next `quickBits` bits: the symbol and its length; length 0 where it is longer.
    private let quick: [(symbol: UInt8, length: UInt8)]
    /// By length: the first code, its place in `symbols`, and how many there are.
    private let first: [UInt32]
    private let place: [Int]
    private let count: [UInt32]
    private let symbols: [UInt16]

    private init(lengths: [UInt8]) {
        var (first, place, count) = ([UInt32](), [Int](), [UInt32]())
        var symbols: [UInt16] = []
        var quick: [(symbol: UInt8, length: UInt8)] = Array(repeating: (0, 0), count: 1 << Self.quickBits)
        var code: UInt32 = 0
        for length in 0...Self.longest {
            code <<= 1
            first.append(code)
            place.append(symbols.count)
            for (symbol, itsLength) in lengths.enumerated() where length > 0 && Int(itsLength) == length {
                if length <= Self.quickBits {
                    let free = Self.quickBits - length
                    for low in 0..<(1 << free) {
                        quick[Int(code) << free | low] = (UInt8(symbol), UInt8(length))
                    }
                }
                symbols.append(UInt16(symbol))
                code += 1
            }
            count.append(UInt32(symbols.count - place[length]))
        }
        (self.first, self.place, self.count, self.symbols, self.quick) = (first, place, count, symbols, quick)
    }

    /// Decodes a string to the end of `text`, at most `limit` bytes of it; returns how long it is, nil if it is no code.
    ///
    /// - Parameter isCut: whether the end of `coded` is not the end of the string, so that it may end inside of a symbol.
    func decode(_ coded: RawSpan, into text: inout [UInt8], limit: Int, isCut: Bool) -> Int? {
        var (bits, available, length): (UInt64, Int, Int) = (0, 0, 0)
        var next = 0
        while true {
            while available <= 56, next < coded.byteCount {
                bits = bits << 8 | UInt64(coded.byte(next))
                available += 8
                next += 1
            }
            if available == 0 { return length }
            let found = quick[Int(Self.window(bits, available, Self.quickBits))]
            var (symbol, size) = (Int(found.symbol), Int(found.length))
            if size == 0 { (symbol, size) = search(bits, available) }
            if size == 0 || size > available {
                // The rest is padding: fewer than 8 bits, all of them 1.
                if isCut { return length }
                let padding = (UInt64(1) << available) - 1
                return available < 8 && bits & padding == padding ? length : nil
            }
            if symbol == Self.endOfString { return nil }
            available -= size
            if length < limit { text.append(UInt8(truncatingIfNeeded: symbol)) }
            length += 1
        }
    }

    /// The next `width` of `available` bits; ones where there are fewer.
    private static func window(_ bits: UInt64, _ available: Int, _ width: Int) -> UInt64 {
        let mask = (UInt64(1) << width) - 1
        if available >= width { return bits >> (available - width) & mask }
        let free = width - available
        return (bits << free | ((UInt64(1) << free) - 1)) & mask
    }

    /// A symbol that is longer than what is looked up at once; length 0 if there is none.
    private func search(_ bits: UInt64, _ available: Int) -> (symbol: Int, length: Int) {
        var length = Self.quickBits + 1
        while length <= Self.longest, length <= available {
            let index = UInt32(truncatingIfNeeded: Self.window(bits, available, length)) &- first[length]
            if index < count[length] { return (Int(symbols[place[length] + Int(index)]), length) }
            length += 1
        }
        return (0, 0)
    }

    /// Bits of the code of each byte, and of the end of a string.
    private static let hpackLengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
}
