import CZlib

extension Gzip {
    /// Appends what the member `input` holds, at most `limit` bytes.
    public static func decompress(
        _ input: RawSpan, limit: Int, into output: inout WireBuffer
    ) throws(DecompressionError) {
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .malformed("gzip")
        }
        defer { inflateEnd(&stream) }
        let (start, count) = (output.count, input.byteCount)
        guard count <= Int(UInt32.max / 2) else { throw .tooLarge(limit: limit) }
        while true {
            let taken = Int(stream.total_in)
            var status: Int32 = Z_OK
            try output.appendUpTo(64 << 10) { target throws(DecompressionError) in
                status = input.withUnsafeBytes { bytes in
                    // zlib only reads through next_in; its type lacks the const.
                    let rest = bytes.baseAddress.map { $0 + taken }
                    stream.next_in = UnsafeMutablePointer(mutating: rest?.assumingMemoryBound(to: UInt8.self))
                    stream.avail_in = UInt32(count - taken)
                    stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.avail_out = UInt32(target.count)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                return target.count - Int(stream.avail_out)
            }
            guard output.count - start <= limit else { throw .tooLarge(limit: limit) }
            if status == Z_STREAM_END { return }
            guard status == Z_OK else { throw .malformed("gzip") }
        }
    }
}
