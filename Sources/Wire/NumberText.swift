/// Numbers as the Prometheus text formats want them: shortest text that reads back as the same `Double`.
enum NumberText {
    /// Takes the standard library's digits without a `String` in between.
    private struct Digits: TextOutputStream {
        /// Longest text of a `Double` is 24 bytes (`-2.2250738585072014e-308`).
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        var count = 0

        mutating func write(_ string: String) {
            for byte in string.utf8 { push(byte) }
        }

        // The standard library hands over the bytes of a number through this requirement; without it they would come as a
        // `String` to `write`, which is the same text and one allocation more.
        mutating func _writeASCII(_ buffer: UnsafeBufferPointer<UInt8>) {
            for byte in buffer { push(byte) }
        }

        private mutating func push(_ byte: UInt8) {
            guard count < bytes.count else { return }
            bytes[count] = byte
            count += 1
        }
    }

    /// Above this, integers are left to the general path (and are then still exact).
    private static let largestPlainInteger = 1e15

    static func append(_ value: Double, to buffer: inout WireBuffer) {
        if value.magnitude < largestPlainInteger, value == value.rounded(.towardZero),
            value.bitPattern != (-0.0).bitPattern
        {
            buffer.appendDecimal(Int64(value))
        } else if value.isNaN {
            buffer.append("NaN")
        } else if value.isInfinite {
            buffer.append(value < 0 ? "-Inf" : "+Inf")
        } else {
            var digits = Digits()
            value.write(to: &digits)
            // "1234567890123456.0": the fraction says nothing.
            if digits.count > 2, digits.bytes[digits.count - 1] == UInt8(ascii: "0"),
                digits.bytes[digits.count - 2] == UInt8(ascii: ".")
            {
                digits.count -= 2
            }
            digits.bytes.span.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<digits.count])) }
        }
    }
}
