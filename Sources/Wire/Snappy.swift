import CSnappy

/// The raw block format of Snappy (github.com/google/snappy/blob/main/format_description.txt), as remote write wants it.
public enum Snappy {
    /// Appends `input`, compressed as one block.
    public static func compress(_ input: borrowing WireBuffer, into output: inout WireBuffer) throws(CompressionError) {
        let source = input.bytes
        try output.appendUpTo(snappy_max_compressed_length(source.byteCount)) { target throws(CompressionError) in
            var length = target.count
            let status = source.withUnsafeBytes { bytes in
                // The library takes no null pointer, not even for nothing.
                withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { nothing in
                    let start = bytes.baseAddress ?? UnsafeRawPointer(nothing.baseAddress)
                    return snappy_compress(
                        start?.assumingMemoryBound(to: CChar.self), bytes.count,
                        target.baseAddress?.assumingMemoryBound(to: CChar.self), &length)
                }
            }
            guard status == SNAPPY_OK else {
                throw CompressionError(library: "snappy", code: Int(status.rawValue))
            }
            return length
        }
    }
}
