/// What samples of the last 15 seconds amount to, one slot a second: of a fixed size however many samples come.
struct SampleWindow {
    static let seconds: UInt64 = 15

    private struct Slot {
        var second: UInt64 = 0
        var sum: UInt32 = 0
        var count: UInt32 = 0
        var peak: UInt32 = 0
    }

    private var slots = InlineArray<15, Slot>(repeating: Slot())

    mutating func add(_ value: UInt32, at second: UInt64) {
        let index = Int(second % Self.seconds)
        if slots[index].second != second { slots[index] = Slot(second: second) }
        slots[index].sum &+= value
        slots[index].count &+= 1
        slots[index].peak = max(slots[index].peak, value)
    }

    /// Sum, number and maximum of the samples of the 15 seconds that end with `second`.
    func total(at second: UInt64) -> (sum: UInt64, count: UInt64, peak: UInt32) {
        var result: (sum: UInt64, count: UInt64, peak: UInt32) = (0, 0, 0)
        for index in slots.indices where slots[index].count > 0 && slots[index].second + Self.seconds > second {
            result.sum += UInt64(slots[index].sum)
            result.count += UInt64(slots[index].count)
            result.peak = max(result.peak, slots[index].peak)
        }
        return result
    }
}
