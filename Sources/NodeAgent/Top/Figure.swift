/// Numbers as people read them; `-` stands for one that is not known.
enum Figure {
    /// CPU cores, to the thousandth.
    static func cores(_ value: Double?) -> String { value.map { fixed($0, digits: 3) } ?? "-" }

    /// Bytes with a binary prefix and three digits or more: `512B`, `1.5K`, `20.0M`.
    static func bytes(_ value: Double?) -> String {
        guard var rest = value else { return "-" }
        if rest < 1024 { return fixed(rest, digits: 0) + "B" }
        for prefix in ["K", "M", "G", "T"] {
            rest /= 1024
            if rest < 1023.95 { return fixed(rest, digits: 1) + prefix }
        }
        return fixed(rest / 1024, digits: 1) + "P"
    }

    /// A whole number, or one digit after the point below 10.
    static func plain(_ value: Double?) -> String {
        guard let value else { return "-" }
        return fixed(value, digits: value < 10 && value != value.rounded() ? 1 : 0)
    }

    /// `value` rounded to so many digits after the point. Never in exponential form; beyond 10^15 it is cut there.
    private static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let bounded = value.isNaN ? 0 : min(max(value, -1e15), 1e15)
        let scaled = Int64((bounded.magnitude * scale).rounded())
        var text = String(scaled)
        if digits > 0 {
            text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
            text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
        }
        return bounded < 0 && scaled != 0 ? "-" + text : text
    }
}
