/// Processes that wait to be looked at, oldest first: a ring of fixed size, so that an event only writes eight bytes.
struct InspectionQueue {
    private struct Entry {
        let pid: UInt32
        /// The turn of the queue from which on it may be taken.
        let turn: UInt32
    }

    private var entries: [Entry] = []
    private var head = 0
    private(set) var count = 0
    private let capacity: Int
    private var turn: UInt32 = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Another turn begins.
    mutating func advance() { turn &+= 1 }

    /// Adds a process that may be taken `turns` from now; false if there is no room.
    mutating func push(_ pid: UInt32, after turns: UInt32) -> Bool {
        guard count < capacity else { return false }
        let entry = Entry(pid: pid, turn: turn &+ turns)
        let index = (head + count) % capacity
        // Grows to its full size once.
        if index == entries.count {
            if entries.isEmpty { entries.reserveCapacity(capacity) }
            entries.append(entry)
        } else {
            entries[index] = entry
        }
        count += 1
        return true
    }

    /// The next process whose turn has come.
    mutating func pop() -> UInt32? {
        guard count > 0, Int32(bitPattern: turn &- entries[head].turn) >= 0 else { return nil }
        defer {
            head = (head + 1) % capacity
            count -= 1
        }
        return entries[head].pid
    }
}
