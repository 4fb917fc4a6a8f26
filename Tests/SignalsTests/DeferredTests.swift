import Testing

@testable import Signals

@Suite struct DeferredTests {
    @Test func offersTwiceAndThenNeverAgain() {
        var deferred = Deferred<Int>(limit: 10)
        deferred.add(1)
        deferred.add(2)
        var seen: [(Int, Bool)] = []
        func settle(_ done: (Int) -> Bool) {
            deferred.settle { event, isLast in
                seen.append((event, isLast))
                return done(event)
            }
        }
        settle { $0 == 1 }
        #expect(seen.map(\.0) == [1, 2] && seen.allSatisfy { !$0.1 })
        seen = []
        settle { _ in false }
        #expect(seen.map(\.0) == [2] && seen.allSatisfy(\.1))
        #expect(deferred.isEmpty)
    }

    @Test func isBounded() {
        var deferred = Deferred<Int>(limit: 3)
        for value in 0..<5 { deferred.add(value) }
        #expect(deferred.overflowed == 2)
    }
}
