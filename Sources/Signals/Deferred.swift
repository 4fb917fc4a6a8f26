/// Events that could not be placed when they came, because the event that explains them may stand in a ring that is drained
/// later.
///
/// A pass reads the rings one after the other. An event that happened before another is in its ring when the other is read,
/// or is read in the next pass at the latest; after two passes nothing more can come.
struct Deferred<Event: BitwiseCopyable> {
    private var fresh: [Event] = []
    private var old: [Event] = []
    private let limit: Int
    /// Events given up because `limit` were waiting.
    private(set) var overflowed: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { fresh.isEmpty && old.isEmpty }

    mutating func add(_ event: Event) {
        if fresh.count < limit { fresh.append(event) } else { overflowed += 1 }
    }

    /// Offers every event to `handle`; the second argument is true when it is the last time. `handle` returns whether the
    /// event is done with.
    mutating func settle(_ handle: (Event, Bool) -> Bool) {
        for event in old { _ = handle(event, true) }
        old.removeAll(keepingCapacity: true)
        for event in fresh where !handle(event, false) { old.append(event) }
        fresh.removeAll(keepingCapacity: true)
    }
}
