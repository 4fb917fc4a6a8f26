internal import Linux

/// How far one direction of a connection was read, and what came too early.
///
/// Invariant: no more than `maximumHeld` segments, and one more than fit into `maximumBytes` bytes of memory, wait for an earlier
/// one.
struct StreamPosition {
    struct Held {
        let offset: UInt32
        let length: UInt32
        let time: UInt64
        let bytes: [UInt8]

        /// With what an array needs for itself.
        var memory: Int { MemoryLayout<Self>.stride + bytes.count + 32 }
    }

    /// What to do with a segment.
    enum Step: Equatable {
        /// Read it; so many bytes before it never came.
        case read(missing: Int)
        /// An earlier one may still come.
        case hold
        /// It was read before.
        case drop
    }

    static let maximumHeld = 64
    static let maximumBytes = 131_072
    /// A larger step is no gap but another count.
    private static let largestGap: Int32 = 1 << 30

    private var expected: UInt32 = 0
    private var hasBegun = false
    private(set) var held: [Held] = []
    /// Memory of what waits.
    private(set) var heldBytes = 0

    init() {}

    /// - Parameters:
    ///   - before: bytes of the stream right before the segment that may still come.
    ///   - mayHold: whether there is room for it among all connections.
    mutating func step(offset: UInt32, length: UInt32, before: UInt32, mayHold: Bool = true) -> Step {
        if !hasBegun, before > 0 { advance(offset: offset &- before, length: 0) }
        guard hasBegun else { return .read(missing: 0) }
        let ahead = Int32(bitPattern: offset &- expected)
        if ahead == 0 { return .read(missing: 0) }
        if ahead < 0 { return .drop }
        if ahead > Self.largestGap { return .read(missing: Int(ahead)) }
        let hasRoom = mayHold && held.count < Self.maximumHeld && heldBytes < Self.maximumBytes
        return hasRoom ? .hold : .read(missing: Int(ahead))
    }

    /// A segment was read.
    mutating func advance(offset: UInt32, length: UInt32) {
        hasBegun = true
        expected = offset &+ length
    }

    mutating func hold(_ segment: Held) {
        held.append(segment)
        heldBytes += segment.memory
    }

    /// Whether something has waited since before `time`.
    func hasWaited(since time: UInt64) -> Bool { held.first.map { $0.time < time } ?? false }

    /// The next of those that wait: the one that follows, or, if `isLate`, the earliest; nil if there is none.
    mutating func next(isLate: Bool) -> (segment: Held, missing: Int)? {
        guard !held.isEmpty else { return nil }
        let expected = expected
        guard let index = held.indices.min(by: { held[$0].offset &- expected < held[$1].offset &- expected })
        else { return nil }
        let missing = Int(Int32(bitPattern: held[index].offset &- expected))
        if missing > 0, !isLate { return nil }
        let segment = held.remove(at: index)
        heldBytes -= segment.memory
        return missing < 0 ? next(isLate: isLate) : (segment, missing)
    }
}
