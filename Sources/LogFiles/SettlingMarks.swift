/// How far a source may be forgotten: offsets, each with the number of messages that had been taken when it was reached.
///
/// Bounded: with many marks waiting, every second one is dropped, and a later one stands for it.
struct SettlingMarks<Place> {
    private static var most: Int { 32 }

    private var marks: [(taken: UInt64, place: Place)] = []

    var isEmpty: Bool { marks.isEmpty }

    /// Everything before `place` was among the first `taken` messages.
    mutating func add(_ place: Place, taken: UInt64) {
        if let last = marks.last, last.taken == taken {
            marks[marks.count - 1].place = place
            return
        }
        if marks.count >= Self.most {
            var kept = 0
            for index in stride(from: 1, to: marks.count, by: 2) {
                marks[kept] = marks[index]
                kept += 1
            }
            marks.removeLast(marks.count - kept)
        }
        marks.append((taken, place))
    }

    /// The last place of which everything is settled, if there is a new one.
    mutating func settle(_ settled: UInt64) -> Place? {
        guard let end = marks.lastIndex(where: { $0.taken <= settled }) else { return nil }
        let place = marks[end].place
        marks.removeFirst(end + 1)
        return place
    }
}
