import Testing

@testable import Protocols

/// Messages of one byte that says how many follow.
@Suite struct MessageStreamTests {
    private func lengths(_ segments: [(bytes: [UInt8], missing: Int, tail: Int)]) -> (lengths: [Int], isLost: Bool) {
        var stream = MessageStream()
        var found: [Int] = []
        for segment in segments {
            segment.bytes.withUnsafeBytes {
                stream.feed(RawSpan(_unsafeBytes: $0), missing: segment.missing, tail: segment.tail) { bytes, isFinal in
                    if bytes.byteCount < 2 { return isFinal ? .lost : .more(2) }
                    let high = Int(bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self))
                    let low = Int(bytes.unsafeLoad(fromByteOffset: 1, as: UInt8.self))
                    found.append(high * 256 + low)
                    return .message(2 + high * 256 + low)
                }
            }
        }
        return (found, stream.isLost)
    }

    @Test func `several messages in one segment`() {
        let (found, isLost) = lengths([([0, 1, 9, 0, 0, 0, 2, 9, 9], 0, 0)])
        #expect(found == [1, 0, 2] && !isLost)
    }

    @Test func `every way of cutting a stream gives the same messages`() {
        let stream: [UInt8] = [0, 3, 9, 9, 9, 0, 0, 0, 1, 9, 0, 2, 9, 9]
        for first in 0...stream.count {
            for second in first...stream.count {
                let parts = [stream[..<first], stream[first..<second], stream[second...]].map { (Array($0), 0, 0) }
                let (found, isLost) = lengths(parts)
                #expect(found == [3, 0, 1, 2] && !isLost)
            }
        }
    }

    @Test func `bytes that nobody captured are skipped inside a message, not across its end`() {
        let inside = lengths([([1, 0, 9], 0, 200), ([9], 54, 0), ([0, 1, 9], 0, 0)])
        #expect(inside.lengths == [256, 1] && !inside.isLost)
        let across = lengths([([0, 9, 9], 0, 9), ([0, 1, 9], 0, 0)])
        #expect(across.lengths == [9] && across.isLost)
    }

    @Test func `a gap in the beginning of a message loses the stream`() {
        #expect(lengths([([0], 0, 0), ([1, 9], 1, 0)]).isLost)
    }

    @Test func `a message began when its first byte was seen`() {
        var stream = MessageStream()
        var starts: [UInt64] = []
        for (time, bytes) in [(10, [0]), (20, [3, 9, 9, 9, 0]), (30, [0, 0, 0]), (40, [0, 1, 9])] as [(UInt64, [UInt8])]
        {
            bytes.withUnsafeBytes {
                stream.feed(RawSpan(_unsafeBytes: $0), at: time, missing: 0, tail: 0) { bytes, start, _ in
                    if bytes.byteCount < 2 { return .more(2) }
                    starts.append(start)
                    return .message(2 + Int(bytes.big16(0)))
                }
            }
        }
        #expect(starts == [10, 20, 30, 40])
    }
}
