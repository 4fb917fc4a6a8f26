/// Decodes the header blocks of one direction of an HTTP/2 connection (RFC 7541).
///
/// Names that do not matter and their values are passed over: cookies and credentials are never kept.
///
/// A reference counts backwards from the newest entry of the dynamic table. So what was entered after a gap is known for
/// certain, and what is older than that is `unknown`, as are entries that this side let go: no reference ever gives a wrong
/// text. Invariant: at most `sizeLimit` bytes of table, as the RFC counts them; of a larger one the oldest are unknown.
struct HPACKDecoder {
    /// What a dynamic table has where nobody says otherwise (RFC 9113, SETTINGS_HEADER_TABLE_SIZE).
    private static let standardSize = 4096
    static let sizeLimit = 16_384
    /// What an entry costs beside its name and value (RFC 7541, section 4.1).
    private static let overhead = 32

    private struct Entry {
        var field = HTTP2Field.other
        var isCut = false
        var nameLength = 0
        var valueLength = 0
        /// Where its value is: in all that was ever entered.
        var start = 0
        var count = 0
    }

    /// Bytes of one value that are kept.
    private let valueLimit: Int
    private let wantsText: Bool
    /// A ring, the oldest entry at `head`.
    private var entries: [Entry] = []
    private var head = 0
    private(set) var count = 0
    /// As the RFC counts it.
    private(set) var size = 0
    private(set) var maximumSize = standardSize
    /// Values of the entries one after the other; the first byte is the one with the number `origin`.
    private var values: [UInt8] = []
    private var origin = 0
    private var name: [UInt8] = []
    private var text: [UInt8] = []

    init(wantsText: Bool, valueLimit: Int) {
        self.wantsText = wantsText
        self.valueLimit = valueLimit
    }

    /// Blocks were missed: nothing of the table is known any more, nor how large it may be.
    mutating func lose() {
        empty()
        maximumSize = Self.sizeLimit
    }

    private mutating func empty() {
        (head, count, size) = (0, 0, 0)
        origin += values.count
        values.removeAll(keepingCapacity: true)
    }

    /// Decodes a block and tells of the fields that matter; of a block that is cut, as far as it goes, and the table is lost.
    mutating func decode(_ block: RawSpan, isCut: Bool, _ tell: (HTTP2Field, RawSpan, _ isCut: Bool) -> Void) {
        var at = 0
        while at < block.byteCount {
            let first = block.byte(at)
            let isRead: Bool
            switch first {
            case 0x80...: isRead = decodeIndexed(block, &at, tell)
            case 0x40...: isRead = decodeLiteral(block, &at, prefix: 6, isEntered: true, isBlockCut: isCut, tell)
            case 0x20...: isRead = decodeSize(block, &at)
            default: isRead = decodeLiteral(block, &at, prefix: 4, isEntered: false, isBlockCut: isCut, tell)
            }
            if !isRead { return lose() }
        }
        if isCut { lose() }
    }

    /// An integer (section 5.1); nil if it is not all there, or too large to mean anything.
    private func integer(_ block: RawSpan, _ at: inout Int, prefix: Int) -> Int? {
        guard at < block.byteCount else { return nil }
        let mask = (1 << prefix) - 1
        var value = Int(block.byte(at)) & mask
        at += 1
        if value < mask { return value }
        var shift = 0
        while at < block.byteCount, shift <= 28 {
            let byte = block.byte(at)
            at += 1
            value += Int(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private mutating func decodeSize(_ block: RawSpan, _ at: inout Int) -> Bool {
        guard let maximum = integer(block, &at, prefix: 5) else { return false }
        maximumSize = min(maximum, Self.sizeLimit)
        evict(toFit: 0)
        return true
    }

    private mutating func decodeIndexed(
        _ block: RawSpan, _ at: inout Int, _ tell: (HTTP2Field, RawSpan, Bool) -> Void
    ) -> Bool {
        guard let index = integer(block, &at, prefix: 7), index > 0 else { return false }
        if index <= HPACKStaticTable.count {
            let entry = HPACKStaticTable.entry(index)
            if matters(entry.field) {
                let bytes = UnsafeRawBufferPointer(start: entry.value.utf8Start, count: entry.value.utf8CodeUnitCount)
                tell(entry.field, RawSpan(_unsafeBytes: bytes), false)
            }
            return true
        }
        guard let place = place(index) else {
            tell(.unknown, RawSpan(), false)
            return true
        }
        let entry = entries[place]
        if entry.field == .unknown || matters(entry.field) {
            let start = entry.start - origin
            values.withUnsafeBytes {
                tell(
                    entry.field,
                    RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: $0[start..<(start + entry.count)])),
                    entry.isCut)
            }
        }
        return true
    }

    /// Where in `entries` the one with an index of both tables is; nil where it is not known.
    private func place(_ index: Int) -> Int? {
        let back = index - HPACKStaticTable.count
        guard back <= count else { return nil }
        return (head + count - back) % entries.count
    }

    private func matters(_ field: HTTP2Field) -> Bool { field != .other && (wantsText || field.isForMetrics) }

    private mutating func decodeLiteral(
        _ block: RawSpan, _ at: inout Int, prefix: Int, isEntered: Bool, isBlockCut: Bool,
        _ tell: (HTTP2Field, RawSpan, Bool) -> Void
    ) -> Bool {
        guard let index = integer(block, &at, prefix: prefix) else { return false }
        var entry = Entry()
        if index == 0 {
            name.removeAll(keepingCapacity: true)
            guard let string = string(block, &at, isBlockCut: false) else { return false }
            guard
                let length = Self.append(
                    block.part(string.start, string.end), string.isCoded, false, to: &name,
                    limit: HTTP2Field.maximumName + 1)
            else { return false }
            entry.nameLength = length
            entry.field = name.withUnsafeBytes { HTTP2Field(name: RawSpan(_unsafeBytes: $0)) }
        } else if index <= HPACKStaticTable.count {
            let known = HPACKStaticTable.entry(index)
            (entry.field, entry.nameLength) = (known.field, known.nameLength)
        } else if let place = place(index) {
            (entry.field, entry.nameLength) = (entries[place].field, entries[place].nameLength)
        } else {
            entry.field = .unknown
        }
        guard let string = string(block, &at, isBlockCut: isBlockCut) else { return false }
        let isTold = matters(entry.field) && entry.field != .unknown
        text.removeAll(keepingCapacity: true)
        guard
            let length = Self.append(
                block.part(string.start, string.end), string.isCoded, string.isCut, to: &text,
                limit: isTold ? valueLimit : 0)
        else { return false }
        entry.valueLength = length
        entry.isCut = string.isCut || isTold && length > text.count
        if isTold || entry.field == .unknown {
            text.withUnsafeBytes { tell(entry.field, RawSpan(_unsafeBytes: $0), entry.isCut) }
        }
        if isEntered, !string.isCut { enter(entry) }
        return true
    }

    /// Where a string is (section 5.2); of one that is not all there, as much as is, if the block is cut.
    private func string(
        _ block: RawSpan, _ at: inout Int, isBlockCut: Bool
    ) -> (start: Int, end: Int, isCoded: Bool, isCut: Bool)? {
        let isCoded = block.byte(at) & 0x80 != 0
        guard let length = integer(block, &at, prefix: 7) else { return nil }
        let start = at
        if length > block.byteCount - start {
            guard isBlockCut else { return nil }
            at = block.byteCount
            return (start, at, isCoded, true)
        }
        at = start + length
        return (start, at, isCoded, false)
    }

    /// Appends what `source` means, at most `limit` bytes; returns how long it is in all.
    private static func append(
        _ source: RawSpan, _ isCoded: Bool, _ isCut: Bool, to text: inout [UInt8], limit: Int
    ) -> Int? {
        if isCoded { return HuffmanCode.hpack.decode(source, into: &text, limit: limit, isCut: isCut) }
        source.part(0, limit).withUnsafeBytes { text.append(contentsOf: $0) }
        return source.byteCount
    }

    // MARK: The dynamic table

    /// Enters a field whose value is in `text`.
    private mutating func enter(_ new: Entry) {
        var entry = new
        var cost = new.nameLength + new.valueLength + Self.overhead
        evict(toFit: cost)
        if cost > maximumSize {
            // It is not in the peer's table either, or that one is larger than this. It keeps its place: if it is not there,
            // nothing older is, and what is newer has the same distance.
            (entry, cost) = (Entry(field: .unknown), Self.overhead)
            text.removeAll(keepingCapacity: true)
        }
        if count == entries.count { grow() }
        // Values that nobody has any more are cut off when they are more than the others.
        let dead = count == 0 ? values.count : entries[head].start - origin
        if dead > 1024, dead * 2 > values.count {
            values.removeFirst(dead)
            origin += dead
        }
        entry.start = origin + values.count
        entry.count = text.count
        values.append(contentsOf: text)
        entries[(head + count) % entries.count] = entry
        count += 1
        size += cost
    }

    private mutating func evict(toFit cost: Int) {
        while count > 0, size + cost > maximumSize {
            let oldest = entries[head]
            size -= oldest.nameLength + oldest.valueLength + Self.overhead
            head = (head + 1) % entries.count
            count -= 1
        }
    }

    private mutating func grow() {
        let larger = max(16, entries.count * 2)
        var grown: [Entry] = []
        grown.reserveCapacity(larger)
        for index in 0..<count { grown.append(entries[(head + index) % entries.count]) }
        while grown.count < larger { grown.append(Entry()) }
        (entries, head) = (grown, 0)
    }
}
