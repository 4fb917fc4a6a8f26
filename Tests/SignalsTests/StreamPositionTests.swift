import Testing

@testable import Signals

@Suite struct StreamPositionTests {
    /// Plays segments (offset, length) and says in which order they are read, with what is missing before each. The first one
    /// has overtaken `before` bytes.
    private func read(_ segments: [(UInt32, UInt32)], before: UInt32 = 0, flushes: Bool = true) -> [[UInt32]] {
        var position = StreamPosition()
        var order: [[UInt32]] = []
        func flush(isLate: Bool) {
            while let (held, missing) = position.next(isLate: isLate) {
                position.advance(offset: held.offset, length: held.length)
                order.append([held.offset, UInt32(missing)])
            }
        }
        for (offset, length) in segments {
            switch position.step(offset: offset, length: length, before: offset == segments[0].0 ? before : 0) {
            case .drop: continue
            case .hold: position.hold(StreamPosition.Held(offset: offset, length: length, time: 0, bytes: []))
            case .read(let missing):
                position.advance(offset: offset, length: length)
                order.append([offset, UInt32(missing)])
                flush(isLate: false)
            }
        }
        if flushes { flush(isLate: true) }
        return order
    }

    @Test func `segments that overtook others wait for them`() {
        #expect(read([(0, 10), (20, 10), (10, 10), (30, 5)]) == [[0, 0], [10, 0], [20, 0], [30, 0]])
        #expect(read([(0, 10), (30, 10), (20, 10), (10, 10)]) == [[0, 0], [10, 0], [20, 0], [30, 0]])
    }

    @Test func `what never comes is missing, what comes too late is dropped`() {
        #expect(read([(0, 10), (20, 10), (40, 10)]) == [[0, 0], [20, 10], [40, 10]])
        #expect(read([(0, 10), (5, 5), (10, 1)]) == [[0, 0], [10, 0]])
    }

    @Test func `the first segment may have overtaken others, too`() {
        #expect(read([(30, 10), (40, 5), (20, 10)], before: 10) == [[20, 0], [30, 0], [40, 0]])
        #expect(read([(30, 10), (40, 5)], before: 10) == [[30, 10], [40, 0]])
    }

    @Test func `offsets wrap`() {
        #expect(read([(UInt32.max - 4, 10), (5, 10)]) == [[UInt32.max - 4, 0], [5, 0]])
    }

    @Test func `only so much waits`() {
        var position = StreamPosition()
        position.advance(offset: 0, length: 1)
        for index in 0..<UInt32(StreamPosition.maximumHeld) {
            #expect(position.step(offset: 100 + index * 10, length: 5, before: 0) == .hold)
            position.hold(StreamPosition.Held(offset: 100 + index * 10, length: 5, time: 0, bytes: []))
        }
        #expect(position.step(offset: 5000, length: 5, before: 0) == .read(missing: 4999))
    }

    @Test func `nothing waits where there is no room`() {
        var position = StreamPosition()
        position.advance(offset: 0, length: 1)
        #expect(position.step(offset: 100, length: 5, before: 0, mayHold: false) == .read(missing: 99))
        // What is held is counted, and given back.
        position.hold(StreamPosition.Held(offset: 100, length: 5, time: 0, bytes: [1, 2, 3, 4, 5]))
        #expect(position.heldBytes > 5)
        #expect(position.next(isLate: true)?.missing == 99)
        #expect(position.heldBytes == 0)
    }
}
