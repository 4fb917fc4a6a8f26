/// Takes what users wrote out of statements, so that traces carry their shape only.
///
/// - SQL (PostgreSQL, MySQL, ClickHouse, Cassandra): strings (`'…'` with `''` and `\'`, `E'…'`, `N'…'`, `X'…'`, dollar quotes),
///   numbers with their sign, and in MySQL and ClickHouse, where that is a string too, nothing in `"…"`: these are
///   names in the others; each becomes `?`. Lists of them become one: `IN (1, 2, 3)` and `VALUES (1, 'a'), (2, 'b')` become
///   `IN (?)` and `VALUES (?)`. Comments become nothing: they may hold anything; a comment that never ends takes the rest.
///   `"…"` and `` `…` `` are kept, but for `"…"` in MySQL, which becomes `?`.
/// - Redis and Memcached: everything but the command becomes one `?`; ` ...` stays.
/// - MongoDB: in extended JSON, every string, number and truth value that is no key becomes `?`, but for the name of the
///   collection and of the database; lists of them become one.
///
/// Bytes, not checked to be UTF-8. Linear in the statement, never longer than it plus 1 byte, never traps; a statement that is
/// cut anywhere gives nothing of the value that it was cut in.
public enum StatementObfuscator {
    /// Adds the shape of `statement` to `output`.
    public static func obfuscate(
        _ statement: UnsafeRawBufferPointer, of applicationProtocol: ApplicationProtocol, into output: inout [UInt8]
    ) {
        let bytes = RawSpan(_unsafeBytes: statement)
        switch applicationProtocol {
        case .redis, .memcached: words(bytes, into: &output)
        case .mongo: documents(bytes, into: &output)
        default:
            var scanner = SQLScanner(isMySQL: applicationProtocol == .mysql, first: output.count)
            scanner.scan(bytes, into: &output)
        }
    }

    private static func words(_ bytes: RawSpan, into output: inout [UInt8]) {
        guard let space = bytes.firstIndex(of: 0x20) else { return output.append(bytes) }
        output.append(bytes.part(0, space))
        if bytes.byteCount > space + 1 { output += " ?".utf8 }
        if bytes.has(" ...", at: bytes.byteCount - 4), bytes.byteCount > space + 5 { output += " ...".utf8 }
    }

    // MARK: JSON

    private static func documents(_ bytes: RawSpan, into output: inout [UInt8]) {
        let first = output.count
        var index = 0
        var depth = 0
        // The value of the first key is the collection's name.
        var keepsNext = false
        var keys = 0
        while index < bytes.byteCount {
            let size = mark(bytes, index)
            if size > 0 {
                output.append(bytes.part(index, index + size))
                index += size
                continue
            }
            let byte = bytes.byte(index)
            switch byte {
            case 0x22:
                let (end, isWhole) = string(bytes, index)
                let isKey = bytes.byte(end) == UInt8(ascii: ":")
                if isKey {
                    output.append(bytes.part(index, end))
                    let name = bytes.part(index + 1, end - 1)
                    keys += 1
                    keepsNext = depth == 1 && (keys == 1 || name.byteCount == 3 && name.has("$db"))
                } else if keepsNext, isWhole {
                    output.append(bytes.part(index, end))
                    keepsNext = false
                } else {
                    value(after: first, into: &output)
                }
                index = max(end, index + 1)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                keepsNext = false
                output.append(byte)
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                output.append(byte)
                index += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20:
                output.append(byte)
                index += 1
            default:
                value(after: first, into: &output)
                index += 1
                while index < bytes.byteCount, !isEnd(bytes.byte(index)), mark(bytes, index) == 0 { index += 1 }
            }
        }
    }

    /// Bytes of what says that something is not there.
    private static func mark(_ bytes: RawSpan, _ index: Int) -> Int {
        switch bytes.byte(index) {
        case UInt8(ascii: "."): bytes.has("...", at: index) ? 3 : 0
        case UInt8(ascii: "<"): bytes.has("<truncated>", at: index) ? 11 : 0
        default: 0
        }
    }

    /// A value, unless one of the same list, or the beginning of it, stands before it. What is before `first` is of others.
    private static func value(after first: Int, into output: inout [UInt8]) {
        var end = output.count
        while end > first, output[end - 1] == 0x20 { end -= 1 }
        if end > first, output[end - 1] == UInt8(ascii: "?") { return output.removeSubrange(end...) }
        if end - first >= 2, output[end - 1] == UInt8(ascii: ","), output[end - 2] == UInt8(ascii: "?") {
            return output.removeSubrange((end - 1)...)
        }
        output.append(UInt8(ascii: "?"))
    }

    private static func string(_ bytes: RawSpan, _ start: Int) -> (end: Int, isWhole: Bool) {
        var index = start + 1
        while index < bytes.byteCount {
            switch bytes.byte(index) {
            case 0x5C: index += 2
            case 0x22: return (index + 1, true)
            default: index += 1
            }
        }
        return (bytes.byteCount, false)
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["),
            UInt8(ascii: "]"), 0x20:
            true
        default: false
        }
    }
}
