/// Writes the attributes of a resource (`Resource.attributes`, field 1).
public struct ResourceEncoder: ~Copyable, Sendable {
    var bytes = WireBuffer()

    init() {}

    public mutating func attribute(_ key: StaticString, _ value: String) {
        let text = value.utf8.span
        text.withUnsafeBytes { bytes.appendAttribute(1, key, $0) }
    }
}
