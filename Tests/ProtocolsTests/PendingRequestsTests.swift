import Testing

@testable import Protocols

@Suite struct PendingRequestsTests {
    @Test func `requests leave in order, or by key`() {
        var pending = PendingRequests(limit: 100)
        for key in 0..<20 as Range<UInt64> { pending.add(start: key, key: key) }
        for _ in 0..<15 { pending.removeFirst() }
        for key in 20..<40 as Range<UInt64> { pending.add(start: key, key: key) }
        let index = pending.index(ofKey: 30)
        pending.remove(at: index ?? 0)
        var left: [UInt64] = []
        while !pending.isEmpty { pending.removeFirst { left.append($0.key) } }
        #expect(left == (15..<40).filter { $0 != 30 })
    }

    @Test func `no more than the limit`() {
        var pending = PendingRequests(limit: 10)
        for key in 0..<20 as Range<UInt64> { pending.add(start: key, key: key) }
        #expect(pending.count == 10 && pending.isFull && pending.oldest == 0)
    }
}
