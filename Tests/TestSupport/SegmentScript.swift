/// A connection as bytes: segments with their side and what is missing around them. What fuzzers change, and what
/// `Fuzz/Corpus` and `Fuzz/Regressions` hold.
///
/// Each segment is a byte of flags (1: of the server; 2: two bytes say how much is missing before it; 4: two bytes say how much
/// of its end was not captured; 8: those count in 4,096 bytes; 16: its length has two bytes; 32: what waits is given up after
/// it), those fields in little-endian order, its length in one byte or two, and its bytes. Any bytes are a script.
public struct SegmentScript: Sendable {
    public struct Segment: Sendable {
        public var isServer: Bool
        public var missing: Int
        public var tail: Int
        /// Whether what waits for an answer is given up after it.
        public var givesUp: Bool
        public var bytes: [UInt8]
    }

    public private(set) var bytes: [UInt8]

    public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    public var segments: [Segment] {
        var (found, at) = ([Segment](), 0)
        func byte() -> Int {
            defer { at += 1 }
            return at < bytes.count ? Int(bytes[at]) : 0
        }
        func short() -> Int { byte() | byte() << 8 }
        while at < bytes.count {
            let flags = byte()
            let scale = flags & 8 == 0 ? 1 : 4096
            let missing = flags & 2 == 0 ? 0 : short() * scale
            let tail = flags & 4 == 0 ? 0 : short() * scale
            let length = flags & 16 == 0 ? byte() : short()
            let start = min(at, bytes.count)
            at = min(start + length, bytes.count)
            found.append(
                Segment(
                    isServer: flags & 1 != 0, missing: missing, tail: tail, givesUp: flags & 32 != 0,
                    bytes: Array(bytes[start..<at])))
        }
        return found
    }

    /// Adds a segment of less than 65,536 bytes.
    public mutating func append(_ segment: [UInt8], isServer: Bool, missing: Int = 0, tail: Int = 0) {
        let isLarge = missing > 65_535 || tail > 65_535
        let scale = isLarge ? 4096 : 1
        bytes.append(
            (isServer ? 1 : 0) | (missing > 0 ? 2 : 0) | (tail > 0 ? 4 : 0) | (isLarge ? 8 : 0)
                | (segment.count > 255 ? 16 : 0))
        func add(_ value: Int) {
            bytes.append(UInt8(value & 0xFF))
            bytes.append(UInt8(value >> 8 & 0xFF))
        }
        if missing > 0 { add(missing / scale) }
        if tail > 0 { add(tail / scale) }
        if segment.count > 255 { add(segment.count) } else { bytes.append(UInt8(segment.count)) }
        bytes += segment
    }
}
