import TestSupport
import Testing

@testable import Protocols

/// The examples of RFC 7541, appendix C, in full: fields that matter here, and the size of the table after each.
@Suite struct HPACKDecoderTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue ?? 0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func decode(_ decoder: inout HPACKDecoder, _ block: [UInt8], isCut: Bool = false) -> [String] {
        var fields: [String] = []
        block.withUnsafeBytes {
            decoder.decode(RawSpan(_unsafeBytes: $0), isCut: isCut) { field, value, isCut in
                let text = value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                fields.append("\(field)=\(text)\(isCut ? "..." : "")")
            }
        }
        return fields
    }

    private func decoder() -> HPACKDecoder { HPACKDecoder(wantsText: true, valueLimit: 1024) }

    private func check(_ decoder: inout HPACKDecoder, _ hex: String, _ fields: [String], size: Int, count: Int) {
        #expect(Self.decode(&decoder, Self.bytes(hex)) == fields)
        #expect(decoder.size == size && decoder.count == count)
    }

    @Test func `C 2, single fields`() {
        var first = decoder()
        // custom-key: custom-header
        check(&first, "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", [], size: 55, count: 1)
        var second = decoder()
        check(&second, "040c 2f73 616d 706c 652f 7061 7468", ["path=/sample/path"], size: 0, count: 0)
        var third = decoder()
        // password: secret, never indexed
        check(&third, "1008 7061 7373 776f 7264 0673 6563 7265 74", [], size: 0, count: 0)
        var fourth = decoder()
        check(&fourth, "82", ["method=GET"], size: 0, count: 0)
    }

    private static let requests = [
        ["method=GET", "scheme=http", "path=/", "authority=www.example.com"],
        ["method=GET", "scheme=http", "path=/", "authority=www.example.com"],
        ["method=GET", "scheme=https", "path=/index.html", "authority=www.example.com"],
    ]

    @Test func `C 3, requests`() {
        var decoder = decoder()
        check(&decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", Self.requests[0], size: 57, count: 1)
        check(&decoder, "8286 84be 5808 6e6f 2d63 6163 6865", Self.requests[1], size: 110, count: 2)
        check(
            &decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", Self.requests[2],
            size: 164, count: 3)
    }

    @Test func `C 4, requests in Huffman code`() {
        var decoder = decoder()
        check(&decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", Self.requests[0], size: 57, count: 1)
        check(&decoder, "8286 84be 5886 a8eb 1064 9cbf", Self.requests[1], size: 110, count: 2)
        check(
            &decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", Self.requests[2], size: 164,
            count: 3)
    }

    /// A table of 256 bytes, by the update that the examples take for given.
    private func smallDecoder() -> HPACKDecoder {
        var decoder = decoder()
        check(&decoder, "3f e1 01", [], size: 0, count: 0)
        #expect(decoder.maximumSize == 256)
        return decoder
    }

    @Test func `C 5, responses with eviction`() {
        var decoder = smallDecoder()
        check(
            &decoder,
            """
            4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
            2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d
            """, ["status=302"], size: 222, count: 4)
        check(&decoder, "4803 3330 37c1 c0bf", ["status=307"], size: 222, count: 4)
        check(
            &decoder,
            """
            88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04
            677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49
            553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31
            """, ["status=200"], size: 215, count: 3)
    }

    @Test func `C 6, responses in Huffman code with eviction`() {
        var decoder = smallDecoder()
        check(
            &decoder,
            """
            4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e
            919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
            """, ["status=302"], size: 222, count: 4)
        check(&decoder, "4883 640e ffc1 c0bf", ["status=307"], size: 222, count: 4)
        check(
            &decoder,
            """
            88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
            821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed
            4ee5 b106 3d50 07
            """, ["status=200"], size: 215, count: 3)
    }

    @Test func `every byte in Huffman code`() {
        // Bits of the codes of some bytes of every length, from the RFC's table.
        let codes: [(UInt8, UInt32, Int)] = [
            (0x30, 0x0, 5), (0x25, 0x15, 6), (0x3A, 0x5C, 7), (0x26, 0xF8, 8), (0x21, 0x3F8, 10), (0x7C, 0x7FC, 11),
            (0x23, 0xFFA, 12), (0x00, 0x1FF8, 13), (0x5E, 0x3FFC, 14), (0x3C, 0x7FFC, 15), (0x5C, 0x7FFF0, 19),
            (0x80, 0xFFFE6, 20), (0x99, 0x1F_FFDC, 21), (0x81, 0x3F_FFD2, 22), (0x01, 0x7F_FFD8, 23),
            (0x09, 0xFF_FFEA, 24), (0xC7, 0x1FF_FFEC, 25), (0xC0, 0x3FF_FFE0, 26), (0xCB, 0x7FF_FFDE, 27),
            (0x02, 0xFFF_FFE2, 28), (0x0A, 0x3FFF_FFFC, 30),
        ]
        for (symbol, code, length) in codes {
            // Three times the symbol, then padding.
            var bits: [UInt8] = []
            for _ in 0..<3 { for bit in (0..<length).reversed() { bits.append(UInt8(code >> UInt32(bit) & 1)) } }
            while bits.count % 8 != 0 { bits.append(1) }
            let coded = stride(from: 0, to: bits.count, by: 8).map { at in
                bits[at..<(at + 8)].reduce(UInt8(0)) { $0 << 1 | $1 }
            }
            var text: [UInt8] = []
            let count = coded.withUnsafeBytes {
                HuffmanCode.hpack.decode(RawSpan(_unsafeBytes: $0), into: &text, limit: 10, isCut: false)
            }
            #expect(count == 3 && text == [symbol, symbol, symbol])
        }
    }

    @Test(arguments: ["00", "f8", "ff", "ffffffff", "fffffffc"])
    func `wrong padding and the end of strings are no code`(_ hex: String) {
        var text: [UInt8] = []
        let count = Self.bytes(hex).withUnsafeBytes {
            HuffmanCode.hpack.decode(RawSpan(_unsafeBytes: $0), into: &text, limit: 10, isCut: false)
        }
        // 00 is `0` and three bits of 0, f8 is `&`: the one is wrong, the other whole.
        #expect(count == (hex == "f8" ? 1 : nil))
    }

    @Test func `after a gap references to what was before are unknown, and nothing else is`() {
        var decoder = decoder()
        _ = Self.decode(&decoder, Self.bytes("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"))
        decoder.lose()
        // Indexed from before the gap; static; a literal with a name from before.
        #expect(Self.decode(&decoder, Self.bytes("be 82 7e 01 61")) == ["unknown=", "method=GET", "unknown="])
        // Entered after the gap: `:path /new`, then `:authority x`.
        #expect(Self.decode(&decoder, Self.bytes("44 04 2f6e 6577 41 01 78")) == ["path=/new", "authority=x"])
        #expect(
            Self.decode(&decoder, Self.bytes("be bf c0 c1")) == ["authority=x", "path=/new", "unknown=", "unknown="])
    }

    @Test func `a block that is cut is read as far as it goes`() {
        var decoder = decoder()
        let whole = Self.bytes("82 44 04 2f6e 6577 41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff")
        #expect(Self.decode(&decoder, whole) == ["method=GET", "path=/new", "authority=www.example.com"])
        for count in 0..<whole.count {
            var cut = self.decoder()
            let fields = Self.decode(&cut, Array(whole[..<count]), isCut: true)
            for field in fields {
                let text = field.hasSuffix("...") ? String(field.dropLast(3)) : field
                #expect(["method=GET", "path=/new", "authority=www.example.com"].contains { $0.hasPrefix(text) })
            }
            // What it entered is not certain any more.
            #expect(Self.decode(&cut, [0xBE]) == ["unknown="])
        }
    }

    @Test func `an entry that is larger than the table keeps the count of the others`() {
        var decoder = decoder()
        // A table of 1 MiB, of which this side follows 16 KiB.
        _ = Self.decode(&decoder, Self.bytes("3f e1 ff 3f"))
        let large = [UInt8](repeating: 0x61, count: 20_000)
        _ = Self.decode(&decoder, Self.bytes("44 02 2f31"))
        _ = Self.decode(&decoder, Self.bytes("41 7f a1 9b 01") + large)
        _ = Self.decode(&decoder, Self.bytes("44 02 2f32"))
        #expect(Self.decode(&decoder, Self.bytes("be bf c0")) == ["path=/2", "unknown=", "unknown="])
    }

    @Test func `texts are cut at the limit, and not kept where nobody wants them`() {
        var short = HPACKDecoder(wantsText: true, valueLimit: 4)
        #expect(Self.decode(&short, Self.bytes("44 06 2f31 3233 3435")) == ["path=/123..."])
        #expect(Self.decode(&short, [0xBE]) == ["path=/123..."])
        var none = HPACKDecoder(wantsText: false, valueLimit: 1024)
        #expect(Self.decode(&none, Self.bytes("44 06 2f31 3233 3435 88 be")) == ["status=200"])
    }

    @Test func `bounded, whatever comes`() {
        var generator = SeededGenerator(7541)
        var decoder = decoder()
        for _ in 0..<2000 {
            let block = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            _ = Self.decode(&decoder, block, isCut: Bool.random(using: &generator))
            #expect(decoder.size <= HPACKDecoder.sizeLimit && decoder.count <= HPACKDecoder.sizeLimit / 32)
        }
    }
}
