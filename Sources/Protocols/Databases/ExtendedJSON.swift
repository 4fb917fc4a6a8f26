/// Writes documents as canonical extended JSON (MongoDB manual, "MongoDB Extended JSON (v2)"), behind what the memory that it
/// is given holds already.
///
/// Invariants: no more than `limit` bytes are added, and `...` where that is not all; documents deeper than `maximumDepth` are
/// `...`; once the memory has room, nothing is allocated but for doubles that take more than 15 characters.
struct ExtendedJSON: ~Copyable {
    static let maximumDepth = 16

    private var bytes: [UInt8] = []
    private let end: Int
    private var isCut = false

    /// Takes what `bytes` holds until `finish`.
    init(behind bytes: inout [UInt8], limit: Int) {
        end = bytes.count + limit
        swap(&self.bytes, &bytes)
    }

    /// Gives the memory back.
    consuming func finish(into bytes: inout [UInt8]) {
        if isCut {
            for _ in 0..<3 { self.bytes.append(UInt8(ascii: ".")) }
        }
        swap(&self.bytes, &bytes)
    }

    mutating func write(_ document: BSONDocument) { write(document, isArray: false, depth: 0) }

    private mutating func write(_ document: BSONDocument, isArray: Bool, depth: Int) {
        put(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        var isFirst = true
        document.walk { element in
            if !isFirst { put(UInt8(ascii: ",")) }
            isFirst = false
            if !isArray {
                quote(element.name)
                put(": ")
            }
            write(element, depth)
            return !isCut
        }
        put(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"))
    }

    private mutating func write(_ element: borrowing BSONDocument.Element, _ depth: Int) {
        let value = element.value
        switch element.type {
        case 0x01:
            put("{\"$numberDouble\":\"")
            double(value.little64(0))
            put("\"}")
        case 0x02: quote(value.part(4, value.byteCount - 1))
        case 0x03, 0x04:
            guard depth < Self.maximumDepth else { return put("...") }
            write(BSONDocument(bytes: value), isArray: element.type == 4, depth: depth + 1)
        case 0x05:
            put("{\"$binary\":{\"base64\":\"")
            base64(value.part(5))
            put("\",\"subType\":\"")
            hexadecimal(value.part(4, 5))
            put("\"}}")
        case 0x06: put("{\"$undefined\":true}")
        case 0x07:
            put("{\"$oid\":\"")
            hexadecimal(value)
            put("\"}")
        case 0x08: put(value.byte(0) == 0 ? "false" : "true")
        case 0x09:
            put("{\"$date\":{\"$numberLong\":\"")
            decimal(Int64(bitPattern: value.little64(0)))
            put("\"}}")
        case 0x0A: put("null")
        case 0x0B:
            let end = value.firstIndex(of: 0) ?? value.byteCount
            put("{\"$regularExpression\":{\"pattern\":")
            quote(value.part(0, end))
            put(",\"options\":")
            quote(value.part(end + 1, value.byteCount - 1))
            put("}}")
        case 0x0D, 0x0E:
            put(element.type == 0x0D ? "{\"$code\":" : "{\"$symbol\":")
            quote(value.part(4, value.byteCount - 1))
            put("}")
        case 0x10:
            put("{\"$numberInt\":\"")
            decimal(Int64(Int32(bitPattern: value.little32(0))))
            put("\"}")
        case 0x11:
            put("{\"$timestamp\":{\"t\":")
            decimal(Int64(value.little32(4)))
            put(",\"i\":")
            decimal(Int64(value.little32(0)))
            put("}}")
        case 0x12:
            put("{\"$numberLong\":\"")
            decimal(Int64(bitPattern: value.little64(0)))
            put("\"}")
        case 0x7F: put("{\"$maxKey\":1}")
        case 0xFF: put("{\"$minKey\":1}")
        default: put("{}")
        }
    }

    // MARK: Pieces

    private mutating func put(_ byte: UInt8) {
        if bytes.count < end, !isCut { bytes.append(byte) } else { isCut = true }
    }

    private mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func put(_ text: UnsafeRawBufferPointer) {
        if isCut { return }
        let room = end - bytes.count
        isCut = text.count > room
        bytes.append(contentsOf: isCut ? UnsafeRawBufferPointer(rebasing: text[..<room]) : text)
    }

    private mutating func put(_ text: RawSpan) { text.withUnsafeBytes { put($0) } }

    private mutating func decimal(_ value: Int64) {
        if value < 0 { put(UInt8(ascii: "-")) }
        // The first digit that there is, from the left.
        let magnitude = value.magnitude
        var scale: UInt64 = 1
        while magnitude / scale >= 10 { scale *= 10 }
        while scale > 0 {
            put(UInt8(ascii: "0") + UInt8(magnitude / scale % 10))
            scale /= 10
        }
    }

    private mutating func double(_ bits: UInt64) {
        let value = Double(bitPattern: bits)
        if value.isNaN {
            put("NaN")
        } else if value.isInfinite {
            put(value < 0 ? "-Infinity" : "Infinity")
        } else {
            for byte in value.description.utf8 { put(byte) }
        }
    }

    private mutating func quote(_ text: RawSpan) {
        put(UInt8(ascii: "\""))
        // What needs no escape is written in one piece.
        var written = 0
        for index in 0..<text.byteCount {
            let byte = text.byte(index)
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            put(text.part(written, index))
            written = index + 1
            if isCut { return }
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                put(UInt8(ascii: "\\"))
                put(byte)
            case 0x0A: put("\\n")
            case 0x0D: put("\\r")
            case 0x09: put("\\t")
            default:
                put("\\u00")
                hexadecimal(byte)
            }
        }
        put(text.part(written))
        put(UInt8(ascii: "\""))
    }

    private mutating func hexadecimal(_ text: RawSpan) {
        for index in 0..<text.byteCount { hexadecimal(text.byte(index)) }
    }

    private mutating func hexadecimal(_ byte: UInt8) {
        put(Self.digit(byte >> 4))
        put(Self.digit(byte & 15))
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    private mutating func base64(_ text: RawSpan) {
        func digit(_ value: UInt32) -> UInt8 {
            switch UInt8(truncatingIfNeeded: value & 63) {
            case let value where value < 26: 0x41 + value
            case let value where value < 52: 0x61 + value - 26
            case let value where value < 62: 0x30 + value - 52
            case 62: UInt8(ascii: "+")
            default: UInt8(ascii: "/")
            }
        }
        var start = 0
        while start < text.byteCount, !isCut {
            let count = text.byteCount - start
            let group = text.big24(start)
            put(digit(group >> 18))
            put(digit(group >> 12))
            put(count > 1 ? digit(group >> 6) : UInt8(ascii: "="))
            put(count > 2 ? digit(group) : UInt8(ascii: "="))
            start += 3
        }
    }
}
