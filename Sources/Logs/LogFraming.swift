/// How the lines, or entries, of a log file follow one another.
public enum LogFraming: Sendable {
    /// Each ends with a line feed.
    case lines
    /// Docker's local driver: the length in four bytes, highest first, the entry, the length again (github.com/moby/moby,
    /// daemon/logger/local).
    case lengths

    /// One entry in a piece of a file.
    public enum Entry: Equatable {
        /// Where it stands, and where the next one begins.
        case whole(Range<Int>, next: Int)
        /// It does not end in this piece.
        case partial
        /// No entry begins here.
        case malformed
    }

    /// The largest entry of `lengths`: the driver cuts lines at 16 KiB, plugins may not.
    public static let longestEntry = 128 << 10

    /// The entry that begins at `start`, with the bytes after it.
    @inline(__always)
    public func entry(in piece: Span<UInt8>, from start: Int) -> Entry {
        switch self {
        case .lines:
            guard let end = piece.firstIndex(of: UInt8(ascii: "\n"), from: start) else { return .partial }
            return .whole(start..<end, next: end + 1)
        case .lengths: return framed(piece, start)
        }
    }

    private func framed(_ piece: Span<UInt8>, _ start: Int) -> Entry {
        guard piece.count - start >= 4 else { return .partial }
        let length = Self.length(piece, start)
        guard length > 0, length <= Self.longestEntry else { return .malformed }
        guard piece.count - start >= length + 8 else { return .partial }
        guard Self.length(piece, start + 4 + length) == length else { return .malformed }
        return .whole(start + 4..<start + 4 + length, next: start + length + 8)
    }

    private static func length(_ piece: Span<UInt8>, _ position: Int) -> Int {
        Int(piece[position]) << 24 | Int(piece[position + 1]) << 16 | Int(piece[position + 2]) << 8
            | Int(piece[position + 3])
    }
}

extension LogFormat {
    /// How files of this format are divided.
    public var framing: LogFraming { self == .dockerLocal ? .lengths : .lines }
}
