import CSnappy

extension Snappy {
    /// Appends what the block `input` holds, at most `limit` bytes.
    public static func decompress(
        _ input: RawSpan, limit: Int, into output: inout WireBuffer
    ) throws(DecompressionError) {
        let size = input.withUnsafeBytes { bytes -> Int? in
            guard let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress else { return nil }
            var size = 0
            return snappy_uncompressed_length(start, bytes.count, &size) == SNAPPY_OK ? size : nil
        }
        guard let size, size >= 0 else { throw .malformed("snappy") }
        guard size <= limit else { throw .tooLarge(limit: limit) }
        // The library takes no null pointer, not even for nothing.
        try output.appendUpTo(size + 1) { target throws(DecompressionError) in
            var length = size
            let status = input.withUnsafeBytes { bytes in
                snappy_uncompress(
                    bytes.assumingMemoryBound(to: CChar.self).baseAddress, bytes.count,
                    target.baseAddress?.assumingMemoryBound(to: CChar.self), &length)
            }
            guard status == SNAPPY_OK, length <= size else { throw .malformed("snappy") }
            return length
        }
    }
}
