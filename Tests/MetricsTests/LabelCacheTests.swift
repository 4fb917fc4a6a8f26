import Metrics
import Synchronization
import Testing

@Suite struct LabelCacheTests {
    private static let released = Mutex<[[UInt8]]>([])

    private func keep(_ labels: LabelSet, _ bytes: [UInt8], owner: UInt32) -> Bool {
        bytes.withUnsafeBytes { labels.encoded.keep($0, owner: owner, split: 3, weight: 9) }
    }

    private func kept(_ labels: LabelSet, owner: UInt32) -> [UInt8]? {
        labels.encoded.entry(of: owner).map { Array($0.bytes) }
    }

    @Test func firstOwnerKeeps() {
        let labels = LabelSet([])
        #expect(kept(labels, owner: 1) == nil)
        #expect(keep(labels, [1, 2, 3], owner: 1))
        #expect(!keep(labels, [4], owner: 2) && !keep(labels, [5], owner: 1))
        #expect(kept(labels, owner: 1) == [1, 2, 3] && kept(labels, owner: 2) == nil)
        let entry = labels.encoded.entry(of: 1)
        #expect(entry?.split == 3 && entry?.weight == 9)
    }

    @Test func nothingCanBeKept() {
        let labels = LabelSet([])
        #expect(keep(labels, [], owner: 7))
        #expect(kept(labels, owner: 7) == [])
    }

    @Test func bytesAreReleasedOnce() {
        do {
            let cache = LabelCache()
            let bytes: [UInt8] = [7, 7, 0, 9]
            for _ in 0..<2 {
                bytes.withUnsafeBytes { bytes in
                    _ = cache.keep(
                        bytes, owner: 1,
                        release: { start, count in
                            let gone = Array(UnsafeRawBufferPointer(start: start, count: count))
                            LabelCacheTests.released.withLock { $0.append(gone) }
                        })
                }
            }
        }
        #expect(Self.released.withLock { $0.filter { $0 == [7, 7, 0, 9] }.count } == 1)
    }

    /// Whoever loses the race sees the winner's bytes, whole.
    @Test func threadsSeeOneWinner() async {
        for round in 0..<200 {
            let labels = LabelSet([("round", "\(round)")])
            let winners = await withTaskGroup(of: Bool.self) { group in
                for task in 1...4 as ClosedRange<UInt8> {
                    group.addTask {
                        let mine = [UInt8](repeating: task, count: 1000)
                        let isKept = mine.withUnsafeBytes { labels.encoded.keep($0, owner: 5) }
                        guard let kept = labels.encoded.entry(of: 5), kept.count == 1000, let first = kept.bytes.first
                        else { return false }
                        #expect(kept.bytes.allSatisfy { $0 == first })
                        return isKept && first == task
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(winners == 1)
        }
    }
}
