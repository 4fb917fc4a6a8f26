/// Texts of others for protobuf, whose strings are UTF-8 (protobuf.dev/programming-guides/proto3, "Scalar Value Types").
enum WireText {
    static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        if isASCII(text) { return true }
        do {
            _ = try UTF8Span(validating: text.bindMemory(to: UInt8.self).span)
            return true
        } catch {
            return false
        }
    }

    /// With U+FFFD in place of what is no UTF-8. Slow, for the rare case.
    static func repaired(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        Array(String(decoding: text, as: UTF8.self).utf8)
    }

    /// The common case, eight bytes at a time.
    @inline(__always)
    private static func isASCII(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let base = text.baseAddress else { return true }
        var all: UInt64 = 0
        var offset = 0
        while offset + 8 <= text.count {
            all |= base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < text.count {
            all |= UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }
}
