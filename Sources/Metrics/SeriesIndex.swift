/// Finds entries by a 32-bit tag: open addressing with linear probing.
///
/// Invariants: `capacity` is a power of two, at most three quarters of the slots are taken, and no more than `sameTagLimit`
/// entries have one tag: who chooses label values so that their hashes collide makes no look-up long.
struct SeriesIndex: ~Copyable {
    struct Slot {
        var tag: UInt32
        /// The entry's place plus one; 0 in an empty slot.
        var entry: UInt32
    }

    static let sameTagLimit = 16

    private var slots: UnsafeMutablePointer<Slot>
    private var capacity: Int
    private var count = 0

    init() {
        capacity = 1024
        slots = Self.allocate(capacity)
    }

    deinit { slots.deallocate() }

    var bytes: Int { capacity * MemoryLayout<Slot>.stride }

    /// The first entry with this tag that `matches`. `isFull`: none does, and there is no room for one more of this tag.
    @inline(__always)
    func find(_ tag: UInt32, _ matches: (Int) -> Bool) -> (entry: Int?, isFull: Bool) {
        var position = home(tag)
        var others = 0
        while true {
            let slot = slots[position]
            if slot.entry == 0 { return (nil, others >= Self.sameTagLimit) }
            if slot.tag == tag {
                let entry = Int(slot.entry) - 1
                if matches(entry) { return (entry, false) }
                others += 1
            }
            position = (position + 1) & (capacity - 1)
        }
    }

    /// `entry` must not be there yet.
    mutating func insert(_ tag: UInt32, _ entry: Int) {
        if (count + 1) * 4 > capacity * 3 { resize(to: capacity * 2) }
        place(Slot(tag: tag, entry: UInt32(entry + 1)))
        count += 1
    }

    /// Removes an entry if it is there, and closes the gap.
    mutating func remove(_ tag: UInt32, _ entry: Int) {
        var position = home(tag)
        while slots[position].entry != UInt32(entry + 1) {
            if slots[position].entry == 0 { return }
            position = (position + 1) & (capacity - 1)
        }
        count -= 1
        var gap = position
        while true {
            position = (position + 1) & (capacity - 1)
            let slot = slots[position]
            if slot.entry == 0 { break }
            // It may move up if its home is not between the gap and its place.
            let distance = (position - home(slot.tag)) & (capacity - 1)
            if distance >= (position - gap) & (capacity - 1) {
                slots[gap] = slot
                gap = position
            }
        }
        slots[gap].entry = 0
        // After a burst the memory goes back.
        if capacity > 1024, count * 8 < capacity { resize(to: capacity / 2) }
    }

    private func home(_ tag: UInt32) -> Int { Int(tag) & (capacity - 1) }

    private mutating func place(_ slot: Slot) {
        var position = home(slot.tag)
        while slots[position].entry != 0 { position = (position + 1) & (capacity - 1) }
        slots[position] = slot
    }

    private mutating func resize(to wanted: Int) {
        let (old, oldCapacity) = (slots, capacity)
        capacity = wanted
        slots = Self.allocate(wanted)
        for position in 0..<oldCapacity where old[position].entry != 0 { place(old[position]) }
        old.deallocate()
    }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        slots.initialize(repeating: Slot(tag: 0, entry: 0), count: capacity)
        return slots
    }
}
