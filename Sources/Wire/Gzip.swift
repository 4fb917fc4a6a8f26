import CZlib

/// Gzip members (RFC 1952).
public enum Gzip {
    /// Appends `input`, compressed as one member. Level 1 takes half the time of zlib's own choice, 6, and for spans 4 % more
    /// bytes (docs/performance.md).
    public static func compress(
        _ input: borrowing WireBuffer, level: Int32 = 1, into output: inout WireBuffer
    ) throws(CompressionError) {
        let source = input.bytes
        var stream = z_stream()
        // 15 is the largest window; 16 more asks for a gzip header instead of zlib's own.
        let opened = deflateInit2_(
            &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)
        )
        guard opened == Z_OK else { throw CompressionError(library: "zlib", code: Int(opened)) }
        defer { deflateEnd(&stream) }

        // zlib counts in 32 bits; pages are megabytes at most.
        guard source.byteCount <= Int(UInt32.max / 2) else {
            throw CompressionError(library: "zlib", code: Int(Z_BUF_ERROR))
        }
        try output.appendUpTo(Int(deflateBound(&stream, UInt(source.byteCount)))) { target throws(CompressionError) in
            let status = source.withUnsafeBytes { bytes in
                // zlib only reads through next_in; its type lacks the const.
                stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.avail_in = UInt32(bytes.count)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(target.count)
                return deflate(&stream, Z_FINISH)
            }
            guard status == Z_STREAM_END else { throw CompressionError(library: "zlib", code: Int(status)) }
            return target.count - Int(stream.avail_out)
        }
    }
}
