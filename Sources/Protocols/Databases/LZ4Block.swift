/// The LZ4 block format (lz4 source, doc/lz4_Block_format.md).
enum LZ4Block {
    /// Adds what a block gives to `output`, as far as its bytes are there and at most `limit` bytes in all. Linear in both.
    static func unpack(_ block: RawSpan, into output: inout [UInt8], limit: Int) {
        var position = 0
        while position < block.byteCount, output.count < limit {
            let token = block.byte(position)
            position += 1
            let literals = length(Int(token >> 4), block, &position)
            output.append(block.part(position, min(position + literals, position + limit - output.count)))
            position += literals
            if position + 2 > block.byteCount { return }
            let distance = Int(block.little16(position))
            position += 2
            let count = length(Int(token & 15), block, &position) + 4
            guard distance > 0, distance <= output.count else { return }
            var source = output.count - distance
            for _ in 0..<min(count, limit - output.count) {
                output.append(output[source])
                source += 1
            }
        }
    }

    /// 15 goes on in the next bytes, as long as they are 255.
    private static func length(_ start: Int, _ block: RawSpan, _ position: inout Int) -> Int {
        guard start == 15 else { return start }
        var length = start
        while position < block.byteCount {
            let byte = block.byte(position)
            position += 1
            length += Int(byte)
            if byte < 255 { break }
        }
        return length
    }
}
