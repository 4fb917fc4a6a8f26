/// The symbols of one request: which number of the table has which place in the request.
///
/// The table's numbers are dense, so a request's places are an array. Each place says in which request it holds; a new request
/// begins with a new epoch instead of clearing the array.
struct SymbolNumbers: ~Copyable, Sendable {
    /// By the table's number: the epoch in the upper half, the place in the request in the lower one.
    private var places: [UInt64] = []
    private var epoch: UInt64 = 0
    private var next: UInt64 = 0
    /// The fields `symbols` of this request.
    private(set) var fields = WireBuffer()
    /// Numbers to which only this request refers, four bytes each.
    private var borrowed = WireBuffer()

    deinit { SymbolTable.shared.release(borrowed) }

    /// A new request. Its first symbol is the empty text, as the specification wants it.
    mutating func begin() {
        releaseBorrowed()
        if epoch >= UInt64(UInt32.max) {
            places = []
            epoch = 0
        }
        epoch += 1
        next = 1
        fields.removeAll()
        fields.appendFieldHeader(4, length: 0)
    }

    /// The place of the table's `number` in this request.
    @inline(__always)
    mutating func place(of number: UInt32) -> UInt64 {
        let index = Int(number)
        if index < places.count {
            let place = places[index]
            if place >> 32 == epoch { return place & 0xFFFF_FFFF }
        }
        return enter(number)
    }

    /// Gives up the references to `numbers`, four bytes each, when this request is written.
    mutating func borrow(_ numbers: UnsafeRawBufferPointer) { borrowed.append(numbers) }

    mutating func releaseBorrowed() {
        if borrowed.count == 0 { return }
        SymbolTable.shared.release(borrowed)
        borrowed.removeAll()
    }

    @inline(never)
    private mutating func enter(_ number: UInt32) -> UInt64 {
        let index = Int(number)
        if index >= places.count {
            places.append(contentsOf: repeatElement(0, count: max(index + 1 - places.count, places.count)))
        }
        let place = next
        next += 1
        places[index] = epoch << 32 | place
        SymbolTable.shared.appendSymbol(number, to: &fields)
        return place
    }
}
