import Testing
import Wire

@Suite struct WireBufferTests {
    @Test func growsAndKeepsWhatWasWritten() {
        var buffer = WireBuffer()
        #expect(buffer.count == 0)
        #expect(content(buffer) == [])
        var expected = [UInt8]()
        for index in 0..<10_000 {
            buffer.append(UInt8(truncatingIfNeeded: index))
            expected.append(UInt8(truncatingIfNeeded: index))
        }
        #expect(content(buffer) == expected)
        #expect(buffer.capacity >= 10_000)
    }

    @Test func emptyingKeepsTheMemoryUpToALimit() {
        var buffer = WireBuffer(capacity: 5000)
        buffer.append("text")
        buffer.removeAll()
        #expect(buffer.count == 0)
        #expect(buffer.capacity >= 5000)
        buffer.removeAll(keepingAtMost: 100)
        #expect(buffer.capacity == 0)
        buffer.append("again")
        #expect(string(buffer) == "again")
    }

    @Test(
        arguments: [
            (0, [0]), (1, [1]), (127, [127]), (128, [0x80, 1]), (300, [0xAC, 2]),
            (UInt64.max, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] as [(UInt64, [UInt8])])
    func varints(value: UInt64, expected: [UInt8]) {
        var buffer = WireBuffer()
        buffer.appendVarint(value)
        #expect(content(buffer) == expected)
    }

    @Test func fixed64IsLittleEndian() {
        var buffer = WireBuffer()
        buffer.append(7)  // leaves the next value unaligned
        buffer.appendFixed64(0x0102_0304_0506_0708)
        #expect(content(buffer) == [7, 8, 7, 6, 5, 4, 3, 2, 1])
    }

    @Test(arguments: [0, 7, -7, 10, 99, 100, -100, 1_234_567_890, Int64.max, Int64.min])
    func decimals(value: Int64) {
        var buffer = WireBuffer()
        buffer.appendDecimal(value)
        #expect(string(buffer) == "\(value)")
    }

    @Test(arguments: ["", "a", "fifteen bytes..", "more than fifteen bytes, so on the heap", "naïve ☃ 𝄞"])
    func texts(text: String) {
        var buffer = WireBuffer()
        buffer.append(text)
        #expect(string(buffer) == text)
    }
}
