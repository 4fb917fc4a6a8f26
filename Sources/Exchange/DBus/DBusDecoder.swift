/// Reads the values of one D-Bus message, in either byte order; every read is checked against the end.
struct DBusDecoder {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private let isBigEndian: Bool

    /// `bytes` begin at a multiple of 8 of the message, which makes alignment relative to them right.
    init(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
        self.bytes = bytes
        self.position = bytes.startIndex
        self.isBigEndian = isBigEndian
    }

    var isAtEnd: Bool { position >= bytes.endIndex }

    mutating func align(to alignment: Int) throws(ExchangeError) {
        let used = position - bytes.startIndex
        let padded = (used + alignment - 1) / alignment * alignment
        guard padded <= bytes.count else { throw .malformed("D-Bus padding behind the end") }
        position = bytes.startIndex + padded
    }

    mutating func byte() throws(ExchangeError) -> UInt8 {
        guard position < bytes.endIndex else { throw .malformed("D-Bus value behind the end") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() throws(ExchangeError) -> UInt32 {
        try align(to: 4)
        guard bytes.endIndex - position >= 4 else { throw .malformed("D-Bus value behind the end") }
        defer { position += 4 }
        let four = bytes[position..<(position + 4)]
        return (isBigEndian ? Array(four) : four.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A string or an object path; invalid UTF-8 is repaired.
    mutating func string() throws(ExchangeError) -> String {
        let length = Int(try number())
        return try text(length)
    }

    mutating func signature() throws(ExchangeError) -> String {
        let length = Int(try byte())
        return try text(length)
    }

    private mutating func text(_ length: Int) throws(ExchangeError) -> String {
        guard bytes.endIndex - position > length, bytes[position + length] == 0 else {
            throw .malformed("D-Bus string without end")
        }
        defer { position += length + 1 }
        return String(decoding: bytes[position..<(position + length)], as: UTF8.self)
    }

    /// A variant that holds a string, an object path, an array of these, or anything else of fixed size, which is skipped
    /// and comes back as no strings.
    mutating func variant() throws(ExchangeError) -> [String] {
        let type = try signature()
        switch type {
        case "s", "o": return [try string()]
        case "g": return [try signature()]
        case "as", "ao":
            let length = Int(try number())
            guard bytes.endIndex - position >= length else { throw .malformed("D-Bus array behind the end") }
            let end = position + length
            var strings = [String]()
            while position < end { strings.append(try string()) }
            guard position == end else { throw .malformed("D-Bus array of another length") }
            return strings
        case "y": _ = try byte()
        case "n", "q":
            try align(to: 2)
            for _ in 0..<2 { _ = try byte() }
        case "b", "i", "u", "h": _ = try number()
        case "x", "t", "d":
            try align(to: 8)
            for _ in 0..<8 { _ = try byte() }
        default: throw .malformed("D-Bus variant of type \(type.prefix(16))")
        }
        return []
    }
}
