/// A document of BSON 1.1 (bsonspec.org), as far as it is there.
///
/// Invariants: walks are linear in the bytes at hand; rendering goes no deeper than `maximumDepth` and writes no more than
/// `renderLimit` bytes and what one value adds.
struct BSONDocument: ~Escapable {
    static let maximumDepth = 16
    static let renderLimit = 4096

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

    /// Adds it as canonical extended JSON (MongoDB manual, "MongoDB Extended JSON (v2)").
    func render(into text: inout [UInt8]) {
        render(into: &text, isArray: false, depth: 0, limit: text.count + Self.renderLimit)
    }

    private func render(into text: inout [UInt8], isArray: Bool, depth: Int, limit: Int) {
        text.append(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        var isFirst = true
        var output = text
        text = []
        walk { element in
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            if output.count > limit {
                output += "...".utf8
                return false
            }
            if !isArray {
                Self.quote(element.name, into: &output)
                output += ": ".utf8
            }
            Self.render(element, into: &output, depth: depth, limit: limit)
            return true
        }
        text = output
        text.append(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"))
    }

    private static func render(
        _ element: borrowing Element, into text: inout [UInt8], depth: Int, limit: Int
    ) {
        let value = element.value
        switch element.type {
        case 0x01: text += "{\"$numberDouble\":\"\(double(value.little64(0)))\"}".utf8
        case 0x02: quote(value.part(4, value.byteCount - 1), into: &text)
        case 0x03, 0x04:
            guard depth < maximumDepth else {
                text += "...".utf8
                return
            }
            BSONDocument(bytes: value).render(into: &text, isArray: element.type == 4, depth: depth + 1, limit: limit)
        case 0x05:
            text += "{\"$binary\":{\"base64\":\"".utf8
            base64(value.part(5), into: &text)
            text += "\",\"subType\":\"".utf8
            hexadecimal(value.part(4, 5), into: &text)
            text += "\"}}".utf8
        case 0x07:
            text += "{\"$oid\":\"".utf8
            hexadecimal(value, into: &text)
            text += "\"}".utf8
        case 0x08: text += (value.byte(0) == 0 ? "false" : "true").utf8
        case 0x09: text += "{\"$date\":{\"$numberLong\":\"\(Int64(bitPattern: value.little64(0)))\"}}".utf8
        case 0x0A: text += "null".utf8
        case 0x0B:
            let end = value.firstIndex(of: 0) ?? value.byteCount
            text += "{\"$regularExpression\":{\"pattern\":".utf8
            quote(value.part(0, end), into: &text)
            text += ",\"options\":".utf8
            quote(value.part(end + 1, value.byteCount - 1), into: &text)
            text += "}}".utf8
        case 0x0D:
            text += "{\"$code\":".utf8
            quote(value.part(4, value.byteCount - 1), into: &text)
            text += "}".utf8
        case 0x0E:
            text += "{\"$symbol\":".utf8
            quote(value.part(4, value.byteCount - 1), into: &text)
            text += "}".utf8
        case 0x10: text += "{\"$numberInt\":\"\(Int32(bitPattern: value.little32(0)))\"}".utf8
        case 0x11: text += "{\"$timestamp\":{\"t\":\(value.little32(4)),\"i\":\(value.little32(0))}}".utf8
        case 0x12: text += "{\"$numberLong\":\"\(Int64(bitPattern: value.little64(0)))\"}".utf8
        case 0x7F: text += "{\"$maxKey\":1}".utf8
        case 0xFF: text += "{\"$minKey\":1}".utf8
        case 0x06: text += "{\"$undefined\":true}".utf8
        default: text += "{}".utf8
        }
    }

    private static func double(_ bits: UInt64) -> String {
        let value = Double(bitPattern: bits)
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return "\(value)"
    }

    private static func quote(_ bytes: RawSpan, into text: inout [UInt8]) {
        text.append(0x22)
        for index in 0..<bytes.byteCount {
            let byte = bytes.byte(index)
            switch byte {
            case 0x22, 0x5C: text += [0x5C, byte]
            case 0x0A: text += "\\n".utf8
            case 0x0D: text += "\\r".utf8
            case 0x09: text += "\\t".utf8
            case 0..<0x20:
                text += "\\u00".utf8
                hexadecimal(bytes.part(index, index + 1), into: &text)
            default: text.append(byte)
            }
        }
        text.append(0x22)
    }

    private static func hexadecimal(_ bytes: RawSpan, into text: inout [UInt8]) {
        for index in 0..<bytes.byteCount {
            for digit in [bytes.byte(index) >> 4, bytes.byte(index) & 15] {
                text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }

    private static func base64(_ bytes: RawSpan, into text: inout [UInt8]) {
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
        while start < bytes.byteCount {
            let count = min(bytes.byteCount - start, 3)
            let group = bytes.big24(start)
            text.append(digit(group >> 18))
            text.append(digit(group >> 12))
            text.append(count > 1 ? digit(group >> 6) : UInt8(ascii: "="))
            text.append(count > 2 ? digit(group) : UInt8(ascii: "="))
            start += 3
        }
    }
}
