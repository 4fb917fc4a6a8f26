/// A duration as Go writes it: `300ms`, `1.5h`, `2h45m` (package time, ParseDuration), which is what coroot-node-agent
/// takes.
struct GoDuration: Hashable, Sendable {
    let nanoseconds: Int64

    /// Nil unless `text` is `0` or a list of numbers, each with a unit (ns, us, µs, ms, s, m, h), after an optional
    /// sign, that fits into 64 bits of nanoseconds. Fractions of a nanosecond are cut off.
    init?(_ text: String) {
        var rest = Substring(text).utf8
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        if rest.elementsEqual("0".utf8) {
            nanoseconds = 0
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            let whole = rest.prefix(while: Self.isDigit)
            rest = rest.dropFirst(whole.count)
            var fraction = rest.prefix(0)
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                fraction = rest.prefix(while: Self.isDigit)
                rest = rest.dropFirst(fraction.count)
            }
            guard !whole.isEmpty || !fraction.isEmpty else { return nil }
            let name = rest.prefix { !Self.isDigit($0) && $0 != UInt8(ascii: ".") }
            guard let unit = Self.units[String(Substring(name))] else { return nil }
            rest = rest.dropFirst(name.count)
            guard let part = Self.nanoseconds(whole: whole, fraction: fraction, unit: unit) else { return nil }
            let sum = total.addingReportingOverflow(part)
            if sum.overflow { return nil }
            total = sum.partialValue
        }
        nanoseconds = isNegative ? -total : total
    }

    /// Nanoseconds of each unit; the micro sign exists twice in Unicode.
    private static let units: [String: Int64] = [
        "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func nanoseconds(
        whole: Substring.UTF8View, fraction: Substring.UTF8View, unit: Int64
    ) -> Int64? {
        var count: Int64 = 0
        for digit in whole {
            let tenfold = count.multipliedReportingOverflow(by: 10)
            let sum = tenfold.partialValue.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            if tenfold.overflow || sum.overflow { return nil }
            count = sum.partialValue
        }
        let product = count.multipliedReportingOverflow(by: unit)
        // Exact: an hour has 13 digits of nanoseconds, so that later digits of a fraction add nothing.
        var remainder: Int64 = 0
        var scale = unit
        for digit in fraction {
            remainder += scale * Int64(digit - UInt8(ascii: "0")) / 10
            scale /= 10
            if scale == 0 { break }
        }
        let sum = product.partialValue.addingReportingOverflow(remainder)
        return product.overflow || sum.overflow ? nil : sum.partialValue
    }
}
