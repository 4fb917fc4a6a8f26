import CSnappy
import CZlib
import CZstd
import Testing
import Wire

/// What was compressed is read back by the reference libraries' own decompressors.
@Suite struct CompressionTests {
    static let inputs: [[UInt8]] = [
        [], [0], Array("martlet ".utf8), Array(repeating: 7, count: 100_000),
        (0..<70_000).map { _ in .random(in: 0...255) },
    ]

    private func buffer(_ bytes: [UInt8]) -> WireBuffer {
        var buffer = WireBuffer()
        buffer.append(bytes)
        return buffer
    }

    @Test(arguments: inputs)
    func snappy(input: [UInt8]) throws {
        var output = WireBuffer()
        try Snappy.compress(buffer(input), into: &output)
        let packed = content(output).map { CChar(bitPattern: $0) }
        var length = 0
        #expect(snappy_uncompressed_length(packed, packed.count, &length) == SNAPPY_OK)
        #expect(length == input.count)
        var unpacked = [CChar](repeating: 0, count: max(1, length))
        #expect(snappy_uncompress(packed, packed.count, &unpacked, &length) == SNAPPY_OK)
        #expect(unpacked.prefix(length).map { UInt8(bitPattern: $0) } == input)
    }

    @Test(arguments: inputs)
    func zstd(input: [UInt8]) throws {
        var output = WireBuffer()
        try Zstd.compress(buffer(input), into: &output)
        let packed = content(output)
        var unpacked = [UInt8](repeating: 0, count: input.count + 1)
        let length = ZSTD_decompress(&unpacked, unpacked.count, packed, packed.count)
        #expect(ZSTD_isError(length) == 0)
        #expect(Array(unpacked.prefix(length)) == input)
    }

    /// One context, all inputs in turn, twice.
    @Test func zstdKeepsItsContext() throws {
        var compressor = ZstdCompressor()
        for input in Self.inputs + Self.inputs.reversed() {
            var output = WireBuffer()
            try compressor.compress(buffer(input), into: &output)
            let packed = content(output)
            var unpacked = [UInt8](repeating: 0, count: input.count + 1)
            let length = ZSTD_decompress(&unpacked, unpacked.count, packed, packed.count)
            #expect(ZSTD_isError(length) == 0 && Array(unpacked.prefix(length)) == input)
            if input.count == 1 { compressor.releaseMemory() }
        }
    }

    @Test(arguments: inputs)
    func gzip(input: [UInt8]) throws {
        var output = WireBuffer()
        try Gzip.compress(buffer(input), into: &output)
        var packed = content(output)
        #expect(packed.starts(with: [0x1F, 0x8B]))
        var unpacked = [UInt8](repeating: 0, count: input.count + 1)
        var stream = z_stream()
        #expect(inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&stream) }
        let written = packed.withUnsafeMutableBufferPointer { source in
            unpacked.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                #expect(inflate(&stream, Z_FINISH) == Z_STREAM_END)
                return target.count - Int(stream.avail_out)
            }
        }
        #expect(Array(unpacked.prefix(written)) == input)
    }

    @Test func appendsAfterWhatIsThere() throws {
        var output = WireBuffer()
        output.append("head")
        try Gzip.compress(buffer(Array("body".utf8)), into: &output)
        #expect(Array(content(output).prefix(6)) == Array("head".utf8) + [0x1F, 0x8B])
    }
}
