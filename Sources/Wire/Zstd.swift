import CZstd

/// Zstandard frames (RFC 8878).
public enum Zstd {
    /// Appends `input`, compressed as one frame. The default level is the library's own.
    public static func compress(
        _ input: borrowing WireBuffer, level: Int32 = 3, into output: inout WireBuffer
    ) throws(CompressionError) {
        let source = input.bytes
        try output.appendUpTo(ZSTD_compressBound(source.byteCount)) { target throws(CompressionError) in
            let result = source.withUnsafeBytes { bytes in
                ZSTD_compress(target.baseAddress, target.count, bytes.baseAddress, bytes.count, level)
            }
            guard ZSTD_isError(result) == 0 else {
                // Errors are negated codes.
                throw CompressionError(library: "zstd", code: -result)
            }
            return result
        }
    }
}
