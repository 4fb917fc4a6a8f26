/// Attributes of OpenTelemetry (opentelemetry/proto/common/v1/common.proto): `KeyValue` has key 1 and value 2; `AnyValue`
/// string_value 1, int_value 3, array_value 5; `ArrayValue` values 1. The repeated field that they are in differs.
extension WireBuffer {
    /// Bytes of an attribute beside key and value, at most: four tags and lengths.
    private static let attributeOverhead = 4 * 6

    /// Appends an attribute whose value is a text; what is no UTF-8 in it is replaced by U+FFFD, since receivers refuse the
    /// whole request otherwise.
    mutating func appendAttribute(_ field: UInt8, _ key: StaticString, _ value: UnsafeRawBufferPointer) {
        let key = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        appendAttribute(field, key, value)
    }

    mutating func appendAttribute(_ field: UInt8, _ key: StaticString, _ value: StaticString) {
        appendAttribute(
            field, key, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    mutating func appendAttribute(
        _ field: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        guard WireText.isUTF8(value), WireText.isUTF8(key) else {
            return appendRepairedAttribute(field, key, value)
        }
        appendValidAttribute(field, key, value)
    }

    @inline(never)
    private mutating func appendRepairedAttribute(
        _ field: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        let key = WireText.repaired(key)
        let value = WireText.repaired(value)
        key.withUnsafeBytes { key in value.withUnsafeBytes { appendValidAttribute(field, key, $0) } }
    }

    /// Of texts that are known to be UTF-8.
    mutating func appendValidAttribute(
        _ field: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        let start = room(Self.attributeOverhead + key.count + value.count)
        var writer = FieldWriter(start)
        let anyValue = Protobuf.fieldSize(value.count)
        writer.header(field, Protobuf.fieldSize(key.count) + Protobuf.fieldSize(anyValue))
        writer.field(1, key)
        writer.header(2, anyValue)
        writer.field(1, value)
        advance(writer.target - start)
    }

    mutating func appendAttribute(_ field: UInt8, _ key: StaticString, integer: Int64) {
        let key = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        let start = room(Self.attributeOverhead + key.count + 10)
        var writer = FieldWriter(start)
        let value = UInt64(bitPattern: integer)
        let anyValue = 1 + Protobuf.varintSize(value)
        writer.header(field, Protobuf.fieldSize(key.count) + Protobuf.fieldSize(anyValue))
        writer.field(1, key)
        writer.header(2, anyValue)
        writer.varint(3, value)
        advance(writer.target - start)
    }

    /// Opens an attribute whose value is an array of texts; `appendArrayText` adds them, `closeArray` ends it.
    mutating func openArray(_ field: UInt8, _ key: StaticString) -> OpenArray {
        append(Protobuf.tag(field, .lengthDelimited))
        let attribute = openLength()
        appendFieldHeader(1, length: key.utf8CodeUnitCount)
        append(key)
        append(Protobuf.tag(2, .lengthDelimited))
        let value = openLength()
        append(Protobuf.tag(5, .lengthDelimited))
        return OpenArray(attribute: attribute, value: value, array: openLength())
    }

    mutating func appendArrayText(_ text: UnsafeRawBufferPointer) {
        guard WireText.isUTF8(text) else {
            let text = WireText.repaired(text)
            return text.withUnsafeBytes { appendArrayText($0) }
        }
        appendFieldHeader(1, length: Protobuf.fieldSize(text.count))
        appendFieldHeader(1, length: text.count)
        append(text)
    }

    mutating func closeArray(_ array: OpenArray) {
        closeLength(array.array)
        closeLength(array.value)
        closeLength(array.attribute)
    }

    /// Where the lengths of an array are filled in.
    struct OpenArray {
        let attribute: Int
        let value: Int
        let array: Int
    }
}
