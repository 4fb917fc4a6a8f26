/// A document of BSON 1.1 (bsonspec.org), as far as it is there.
///
/// Invariant: walks are linear in the bytes at hand.
struct BSONDocument: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    init(bytes: RawSpan) { self.bytes = bytes }

    /// Whether all of it is there.
    var isWhole: Bool {
        let length = Int(bytes.little32(0))
        return length >= 5 && bytes.byteCount >= length && bytes.byte(length - 1) == 0
    }

    struct Element: ~Escapable {
        let type: UInt8
        let name: RawSpan
        let value: RawSpan
        /// Where the text of a string is in the document; empty for others.
        let text: Range<Int>

        @_lifetime(copy name, copy value)
        init(type: UInt8, name: RawSpan, value: RawSpan, text: Range<Int>) {
            self.type = type
            self.name = name
            self.value = value
            self.text = text
        }

        /// The text of a string, without its length and its last 0; nil for others.
        var string: RawSpan? {
            @_lifetime(copy self)
            get { type == 2 ? value.part(4, value.byteCount - 1) : nil }
        }

        /// A number or a truth value as a number.
        var number: Double? {
            switch type {
            case 0x01: Double(bitPattern: value.little64(0))
            case 0x08: value.byte(0) == 0 ? 0 : 1
            case 0x10: Double(Int32(bitPattern: value.little32(0)))
            case 0x12: Double(Int64(bitPattern: value.little64(0)))
            default: nil
            }
        }
    }

    /// Calls `body` with each element whose name is there until it says false. The last value may be cut.
    func walk(_ body: (borrowing Element) -> Bool) {
        let end = min(Int(bytes.little32(0)), bytes.byteCount)
        var start = 4
        while start < end {
            let type = bytes.byte(start)
            guard type != 0, let nameEnd = bytes.firstIndex(of: 0, from: start + 1, before: end) else { return }
            guard let size = size(type, at: nameEnd + 1), size <= 1 << 26 else { return }
            let value = nameEnd + 1..<nameEnd + 1 + size
            let isText = type == 2 && size >= 5
            let element = Element(
                type: type, name: bytes.part(start + 1, nameEnd), value: bytes.part(value.lowerBound, value.upperBound),
                text: isText ? value.lowerBound + 4..<value.upperBound - 1 : 0..<0)
            if !body(element) { return }
            start = value.upperBound
        }
    }

    /// Bytes of a value of this type; nil if that cannot be said.
    private func size(_ type: UInt8, at start: Int) -> Int? {
        let length = Int(bytes.little32(start))
        switch type {
        case 0x01, 0x09, 0x11, 0x12: return 8
        case 0x02, 0x0D, 0x0E: return length >= 1 ? 4 + length : nil
        case 0x03, 0x04, 0x0F: return length >= 5 ? length : nil
        case 0x05: return 5 + length
        case 0x06, 0x0A, 0x7F, 0xFF: return 0
        case 0x07: return 12
        case 0x08: return 1
        case 0x0B:
            guard let first = bytes.firstIndex(of: 0, from: start),
                let second = bytes.firstIndex(of: 0, from: first + 1)
            else { return nil }
            return second + 1 - start
        case 0x0C: return 4 + length + 12
        case 0x10: return 4
        case 0x13: return 16
        default: return nil
        }
    }
}
