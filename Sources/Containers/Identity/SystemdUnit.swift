/// Unit names as cgroup paths spell them.
public enum SystemdUnit {
    /// Replaces systemd's `\x2d` by `-`, the only escape that coroot-node-agent undoes.
    static func unescape(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "\\")) else { return text }
        let escape = Array(#"\x2d"#.utf8)
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), bytes[index...].starts(with: escape) {
                result.append(UInt8(ascii: "-"))
                index += escape.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Replaces every `\xHH` by the byte that it stands for, as systemd-escape(1) does; a byte sequence that is no UTF-8
    /// is repaired.
    static func unescapeAll(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "\\")) else { return text }
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if index + 3 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "x"),
                let byte = UInt8(String(decoding: bytes[(index + 2)...(index + 3)], as: UTF8.self), radix: 16)
            {
                result.append(byte)
                index += 4
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The unit that a cgroup path belongs to: the first component that ends in `.service`, else the last one.
    public static func name(ofCgroup path: String) -> String {
        let components = path.split(separator: "/")
        let unit = components.first { $0.hasSuffix(".service") } ?? components.last
        return unit.map { unescape(String($0)) } ?? ""
    }
}
