/// Fields of a Kafka message: strings, arrays and tagged fields in the old or the compact form.
///
/// What is cut gives empty strings and arrays; see `ByteReader`.
struct KafkaReader: ~Escapable {
    private var bytes: ByteReader
    private let isFlexible: Bool

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, at position: Int, isFlexible: Bool) {
        self.bytes = ByteReader(bytes, at: position)
        self.isFlexible = isFlexible
    }

    var isCut: Bool { bytes.isCut }

    @_lifetime(self: copy self)
    mutating func skip(_ count: Int) { bytes.skip(count) }

    @_lifetime(self: copy self)
    mutating func int16() -> Int16 { bytes.bigEndian(Int16.self) }

    /// Elements of an array; 0 of one that is null.
    @_lifetime(self: copy self)
    mutating func count() -> Int { isFlexible ? varint() - 1 : Int(bytes.bigEndian(Int32.self)) }

    /// Empty if it is null.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func string() -> RawSpan {
        let count = isFlexible ? varint() - 1 : Int(bytes.bigEndian(Int16.self))
        return bytes.take(max(count, 0))
    }

    /// An empty text.
    var nothing: RawSpan {
        @_lifetime(copy self) get { bytes.nothing }
    }

    @_lifetime(self: copy self)
    mutating func skipString() { _ = string() }

    /// Passes the tagged fields at the end of a structure, which only the compact form has.
    @_lifetime(self: copy self)
    mutating func tags() {
        guard isFlexible else { return }
        var left = varint()
        while left > 0, !isCut {
            _ = varint()
            bytes.skip(varint())
            left -= 1
        }
    }

    /// At most five bytes, as the protocol has it.
    @_lifetime(self: copy self)
    private mutating func varint() -> Int {
        var (value, shift) = (0, 0)
        while shift < 35 {
            let byte = bytes.byte()
            value |= Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return value
    }
}
