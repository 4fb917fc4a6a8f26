/// Text that others wrote, made fit for protocols that want UTF-8.
enum UTF8Text {
    /// Whether all bytes are ASCII, the common case.
    @inline(__always) static func isASCII(_ text: Span<UInt8>) -> Bool {
        let bytes = text.bytes
        let blocks = bytes.byteCount & ~31
        let words = bytes.byteCount & ~7
        var position = 0
        var block = SIMD4<UInt64>()
        while position < blocks {
            // As below, four at a time.
            block |= unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: SIMD4<UInt64>.self)
            position += 32
        }
        var all = block.x | block.y | block.z | block.w
        while position < words {
            // Below `words`, and any eight bytes are a number.
            all |= unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
            position += 8
        }
        while position < text.count {
            all |= UInt64(text[position])
            position += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }

    static func isValid(_ text: Span<UInt8>) -> Bool {
        if isASCII(text) { return true }
        do {
            _ = try UTF8Span(validating: text)
            return true
        } catch {
            return false
        }
    }

    /// Appends `text` with U+FFFD in place of what is no UTF-8. Slow: for the rare case.
    static func appendRepaired(_ text: Span<UInt8>, to target: inout [UInt8]) {
        let repaired = text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        target.append(contentsOf: repaired.utf8)
    }
}
