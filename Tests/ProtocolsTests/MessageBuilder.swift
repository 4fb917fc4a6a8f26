/// Builds messages of the network's byte order for tests.
struct MessageBuilder {
    private(set) var bytes: [UInt8] = []

    static func build(_ body: (inout MessageBuilder) -> Void) -> [UInt8] {
        var builder = MessageBuilder()
        body(&builder)
        return builder.bytes
    }

    mutating func add<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(raw: [UInt8]) { bytes += raw }
    mutating func add(text: String) { bytes += Array(text.utf8) }

    /// A text after its length of type `Length`.
    mutating func add<Length: FixedWidthInteger>(_ text: String, length: Length.Type) {
        add(Length(text.utf8.count))
        add(text: text)
    }

    /// What `body` writes, after its size of type `Length`.
    mutating func add<Length: FixedWidthInteger>(sized: Length.Type, _ body: (inout MessageBuilder) -> Void) {
        let inner = Self.build(body)
        add(Length(inner.count))
        bytes += inner
    }
}
