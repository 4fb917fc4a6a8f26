/// The `host:port` syntax that URLs and listen addresses share (RFC 3986, section 3.2).
struct HostPort {
    /// Without brackets.
    let host: String
    let port: Int?

    /// Nil if `text` has a bad port, an IPv6 address without brackets, or bytes that no host has.
    init?(_ text: some StringProtocol) {
        let hostText: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            hostText = Substring(text[..<end].dropFirst())
            rest = Substring(text[text.index(after: end)...])
            guard !hostText.isEmpty else { return nil }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            hostText = Substring(text[..<end])
            rest = Substring(text[end...])
        }
        guard hostText.utf8.allSatisfy(Self.isHostByte) else { return nil }
        host = String(hostText)
        if rest.isEmpty {
            port = nil
        } else {
            let digits = rest.dropFirst()
            guard rest.first == ":", digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = UInt16(digits)
            else { return nil }
            port = Int(number)
        }
    }

    static func text(host: String, port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: false
        }
    }
}
