/// Types of records, by the names that Go's `dnsmessage` gives them: dashboards select by these.
enum DNSType {
    static let a: UInt16 = 1
    static let aaaa: UInt16 = 28

    /// Nil where it has none: it is then known by its number.
    static func name(_ type: UInt16) -> StaticString? {
        switch type {
        case a: "TypeA"
        case 2: "TypeNS"
        case 5: "TypeCNAME"
        case 6: "TypeSOA"
        case 11: "TypeWKS"
        case 12: "TypePTR"
        case 13: "TypeHINFO"
        case 14: "TypeMINFO"
        case 15: "TypeMX"
        case 16: "TypeTXT"
        case aaaa: "TypeAAAA"
        case 33: "TypeSRV"
        case 41: "TypeOPT"
        case 252: "TypeAXFR"
        case 255: "TypeALL"
        default: nil
        }
    }

    static func appendNumber(_ number: UInt16, to text: inout [UInt8]) {
        var divisor: UInt16 = 10_000
        while divisor > 1, number < divisor { divisor /= 10 }
        while divisor > 0 {
            text.append(UInt8(0x30 + number / divisor % 10))
            divisor /= 10
        }
    }
}
