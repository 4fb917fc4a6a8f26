/// An immutable set of labels, sorted by name, shared by every series that has the same labels.
///
/// Invariants: names are valid Prometheus label names, unique and ascending in byte order; a value is valid UTF-8 of at
/// most `maximumValueLength` bytes. What a page or a push needs of the labels is made when it is first asked for and kept
/// here, so that a scrape only copies bytes, and an agent that shows no page keeps no text.
public final class LabelSet: Sendable {
    /// Longest label value in bytes; longer ones are cut at a character boundary and counted in `truncatedValues`.
    public static let maximumValueLength = 4096

    public typealias Pair = (name: String, value: String)

    /// The labels, ascending by name.
    public let pairs: [Pair]

    /// For the encoder that pushes: the labels as its protocol wants them.
    public let encoded = LabelCache()

    private let rendered = LabelCache()
    private static let renderer: UInt32 = 1

    /// Equal for equal labels, during one life of the process (FNV-1a over names and values). Others choose label values: it must decide
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
        self.hash = Self.hash(sorted)
    }

    /// `{name="value",…}` escaped as the Prometheus text format wants it (backslash, quote, line feed); empty if there is no
    /// label.
    public var text: [UInt8] { withText { Array($0) } }

    /// Hands `text` to `body` without a copy.
    public func withText<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let kept = rendered.entry(of: Self.renderer) { return body(kept.bytes) }
        return Self.render(pairs).withUnsafeBytes { bytes in
            rendered.keep(bytes, owner: Self.renderer)
            return body(bytes)
        }
    }

    /// This set with more labels; a label in `more` replaces one of the same name.
    public func adding(_ more: [Pair]) -> LabelSet { LabelSet(pairs + more) }

    /// Whether both are the same labels.
    public func hasSameLabels(as other: LabelSet) -> Bool {
        hash == other.hash && pairs.elementsEqual(other.pairs) { $0.name == $1.name && $0.value == $1.value }
    }

    /// The value of `name`, if the set has it.
    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    public static let empty = LabelSet([])

    private static func cut(_ value: String) -> String {
        var end = value.utf8.index(value.utf8.startIndex, offsetBy: maximumValueLength)
        while end > value.utf8.startIndex, (value.utf8[end] & 0xC0) == 0x80 { end = value.utf8.index(before: end) }
        return String(value[..<end])
    }

    private static func hash(_ pairs: [Pair]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for pair in pairs {
            // 0xFF is in no UTF-8: it tells where a text ends.
            for byte in pair.name.utf8 { mix(byte) }
            mix(0xFF)
            for byte in pair.value.utf8 { mix(byte) }
            mix(0xFF)
        }
        return hash
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
