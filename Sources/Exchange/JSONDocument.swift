import CJansson

/// A parsed JSON document and its one owner: its memory is freed with it.
///
/// Documents come from runtimes' state files and sockets and are not trusted: size and depth are bounded, and values of
/// another type than the one asked for read as absent.
public struct JSONDocument: ~Copyable {
    private let document: UnsafeMutablePointer<json_t>

    /// Bytes that are taken by default.
    public static let defaultSizeLimit = 4 << 20
    /// Nested arrays and objects that are taken by default.
    public static let defaultDepthLimit = 64

    /// Parses one document; anything but white space after it is an error.
    public init(
        parsing bytes: [UInt8], sizeLimit: Int = defaultSizeLimit, depthLimit: Int = defaultDepthLimit
    ) throws(JSONError) {
        guard bytes.count <= sizeLimit else { throw .tooLarge(limit: sizeLimit) }
        // The parser recurses per level, and this runs on threads with small stacks.
        guard Self.depth(bytes) <= depthLimit else { throw .tooDeep(limit: depthLimit) }
        var error = json_error_t()
        // Integers as doubles: otherwise one number beyond 64 bits (an "unlimited" ulimit) refuses the whole document.
        let flags = Int(JSON_DECODE_INT_AS_REAL) | Int(JSON_ALLOW_NUL)
        let parsed = bytes.withUnsafeBytes { raw in
            json_loadb(raw.baseAddress, raw.count, flags, &error)
        }
        guard let parsed else { throw .malformed(line: Int(error.line)) }
        document = parsed
    }

    deinit { json_decref(document) }

    /// The outermost value, which lives no longer than the document.
    public var root: JSONValue {
        @_lifetime(borrow self)
        get { JSONValue(document, of: self) }
    }

    /// The deepest nesting, without a look at anything but brackets and strings.
    private static func depth(_ bytes: [UInt8]) -> Int {
        var depth = 0
        var deepest = 0
        var inString = false
        var escaped = false
        for byte in bytes {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}
