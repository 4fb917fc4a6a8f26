/// An immutable set of labels, sorted by name, shared by every series that has the same labels.
///
/// Invariants: names are valid Prometheus label names, unique and ascending in byte order; a value is valid UTF-8 of at
/// most `maximumValueLength` bytes. The text rendering is made once here, so that a scrape only copies bytes.
public final class LabelSet: Sendable {
    /// Longest label value in bytes; longer ones are cut at a character boundary and counted in `truncatedValues`.
    public static let maximumValueLength = 4096

    public typealias Pair = (name: String, value: String)

    /// The labels, ascending by name.
    public let pairs: [Pair]

    /// `{name="value",…}` escaped as the Prometheus text format wants it (backslash, quote, line feed); empty if there
    /// is no label.
    public let text: [UInt8]

    /// Equal for equal labels, during one life of the process (FNV-1a over `text`). Others choose label values: it must decide
    /// about nothing but where to look.
    public let hash: UInt64

    /// How many values of this set were longer than `maximumValueLength`.
    public let truncatedValues: Int

    /// Sorts `pairs` by name. Of two labels with one name, the later wins.
    public init(_ pairs: [Pair]) {
        var sorted = [Pair]()
        sorted.reserveCapacity(pairs.count)
        var truncated = 0
        for (name, value) in pairs {
            var value = value
            if value.utf8.count > Self.maximumValueLength {
                value = Self.cut(value)
                truncated += 1
            }
            var index = sorted.count
            while index > 0, name < sorted[index - 1].name { index -= 1 }
            if index > 0, sorted[index - 1].name == name {
                sorted[index - 1].value = value
            } else {
                sorted.insert((name, value), at: index)
            }
        }
        self.pairs = sorted
        self.truncatedValues = truncated
        self.text = Self.render(sorted)
        self.hash = text.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// This set with more labels; a label in `more` replaces one of the same name.
    public func adding(_ more: [Pair]) -> LabelSet { LabelSet(pairs + more) }

    /// The value of `name`, if the set has it.
    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    public static let empty = LabelSet([])

    private static func cut(_ value: String) -> String {
        var end = value.utf8.index(value.utf8.startIndex, offsetBy: maximumValueLength)
        while end > value.utf8.startIndex, (value.utf8[end] & 0xC0) == 0x80 { end = value.utf8.index(before: end) }
        return String(value[..<end])
    }

    private static func render(_ pairs: [Pair]) -> [UInt8] {
        if pairs.isEmpty { return [] }
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        for (index, pair) in pairs.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: pair.name.utf8)
            bytes.append(contentsOf: [UInt8(ascii: "="), UInt8(ascii: "\"")])
            for byte in pair.value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\")])
                case UInt8(ascii: "\""): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\"")])
                case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
                default: bytes.append(byte)
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
