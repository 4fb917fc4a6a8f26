/// The version of Go that a program was built with, from its build information (src/debug/buildinfo/buildinfo.go).
public struct GoVersion: Sendable, Comparable {
    public var major: Int
    public var minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    public static func < (left: GoVersion, right: GoVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// Nil for what is no Go program, or does not say.
    public static func read(from file: borrowing ELFFile) -> GoVersion? {
        guard let section = file.section(".go.buildinfo") else { return nil }
        let head = file.reader.bytes(at: section.offset, count: 96)
        guard head.count > 32, head.starts(with: [0xFF] + Array(" Go buildinf:".utf8)) else { return nil }
        if head[15] & 2 != 0 {
            // From Go 1.18 on the text itself, behind its length.
            let length = Int(head[32] & 0x7F)
            return parse(head.dropFirst(33).prefix(length))
        }
        // Before, the address of a string: its address and length.
        guard let place = head.number(at: 16, size: 8) else { return nil }
        let string = file.loaded(at: place, count: 16)
        guard let text = string.number(at: 0, size: 8), let length = string.number(at: 8, size: 8), length < 128 else {
            return nil
        }
        return parse(file.loaded(at: text, count: Int(length))[...])
    }

    /// `go1.22.3`.
    static func parse(_ text: ArraySlice<UInt8>) -> GoVersion? {
        guard text.starts(with: Array("go".utf8)) else { return nil }
        let parts = text.dropFirst(2).split(separator: 0x2E, maxSplits: 2)
        guard parts.count >= 2, let major = number(parts[0]), let minor = number(parts[1]) else { return nil }
        return GoVersion(major: major, minor: minor)
    }

    /// The digits that a part begins with: `22rc1` is 22.
    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: text.prefix(6).prefix { (0x30...0x39).contains($0) }, as: UTF8.self))
    }
}
