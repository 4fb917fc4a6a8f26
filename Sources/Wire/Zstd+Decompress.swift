import CZstd

extension Zstd {
    /// Appends what the frame `input` holds, at most `limit` bytes. Only frames that say how much that is, as those of
    /// `compress` do.
    public static func decompress(
        _ input: RawSpan, limit: Int, into output: inout WireBuffer
    ) throws(DecompressionError) {
        let size = input.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        // Unknown and damaged sizes are the two largest numbers.
        guard size < UInt64.max - 1 else { throw .malformed("zstd") }
        guard size <= UInt64(limit) else { throw .tooLarge(limit: limit) }
        try output.appendUpTo(Int(size)) { target throws(DecompressionError) in
            let result = input.withUnsafeBytes {
                ZSTD_decompress(target.baseAddress, target.count, $0.baseAddress, $0.count)
            }
            guard ZSTD_isError(result) == 0 else { throw .malformed("zstd") }
            return result
        }
    }
}
