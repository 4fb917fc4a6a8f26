import Testing

@testable import Wire

@Suite struct NumberTextTests {
    private func text(_ value: Double) -> String {
        var buffer = WireBuffer()
        NumberText.append(value, to: &buffer)
        return string(buffer)
    }

    @Test(
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (1e14, "100000000000000"),
            (999_999_999_999_999, "999999999999999"), (1_234_567_890_123_456, "1234567890123456"),
            (1_763_935_990.123456, "1763935990.123456"), (-2.5, "-2.5"), (1e300, "1e+300"),
            (.leastNonzeroMagnitude, "5e-324"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (-.nan, "NaN"),
        ] as [(Double, String)])
    func knownTexts(value: Double, expected: String) {
        #expect(text(value) == expected)
    }

    @Test func everyBitPatternReadsBack() throws {
        var generator = SystemRandomNumberGenerator()
        var values: [Double] = [
            .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .pi, 1e15, 1e16,
            9_007_199_254_740_992,
            -.greatestFiniteMagnitude, -2.2250738585072014e-308,
        ]
        for _ in 0..<20_000 {
            values.append(Double(bitPattern: generator.next()))
            values.append(Double.random(in: -1e6...1e6, using: &generator))
            values.append(Double(UInt64.random(in: 0...1 << 60, using: &generator)))
            values.append(Double(UInt64.random(in: 0...1 << 50, using: &generator)) / 1e6)
        }
        for value in values where value.isFinite {
            let rendered = text(value)
            let parsed = try #require(Double(rendered), "\(rendered)")
            #expect(parsed.bitPattern == value.bitPattern, "\(value) became \(rendered)")
            #expect(rendered.utf8.count <= 24)
        }
    }
}
