/// Writes spans (opentelemetry/proto/trace/v1/trace.proto) as requests of the type `ExportTraceServiceRequest`.
///
/// A span is begun, gets its attributes, and is ended. Texts are bytes; what is no UTF-8 in them is replaced.
public struct SpanEncoder: ~Copyable, Sendable {
    /// What every span has.
    public struct Head: Sendable {
        public var traceHigh: UInt64
        public var traceLow: UInt64
        public var id: UInt64
        /// 0 for the first of a trace.
        public var parent: UInt64
        public var kind: SpanKind
        /// Nanoseconds since the Unix epoch.
        public var start: UInt64
        public var end: UInt64
        /// Whether `parent` came from another process; W3C's flag "sampled" is always set, since what is not sampled is not
        /// exported.
        public var isParentRemote: Bool

        public init(
            traceHigh: UInt64, traceLow: UInt64, id: UInt64, parent: UInt64, kind: SpanKind, start: UInt64, end: UInt64,
            isParentRemote: Bool
        ) {
            (self.traceHigh, self.traceLow, self.id, self.parent) = (traceHigh, traceLow, id, parent)
            (self.kind, self.start, self.end, self.isParentRemote) = (kind, start, end, isParentRemote)
        }
    }

    /// Where the parent of a span that was ended can still be set, as long as its batch is not finished.
    public struct ParentPlace: Sendable {
        let offset: Int
        let batch: UInt64
    }

    private static let attributes: UInt8 = 9
    /// `SpanFlags` (trace.proto): W3C's eight, and whether the parent is known to be remote, and is.
    private static let sampled: UInt32 = 0x001
    private static let knowsRemote: UInt32 = 0x100
    private static let isRemote: UInt32 = 0x200

    private var batch: OTLPBatch
    /// Where a text is put together that has several parts; empty between attributes.
    public var text = WireBuffer()
    private var array: WireBuffer.OpenArray?
    private var parentOffset = 0
    /// Batches that were finished.
    private var finished: UInt64 = 0

    public init(scopeName: String, scopeVersion: String, schemaURL: String) {
        batch = OTLPBatch(scopeName: scopeName, scopeVersion: scopeVersion, schemaURL: schemaURL)
    }

    /// Spans that were ended.
    public var count: Int { batch.count }
    /// Bytes of the request that they make, about.
    public var byteCount: Int { batch.byteCount }
    /// Whether another resource does not fit.
    public var isFull: Bool { batch.isFull }

    /// Begins a span: trace_id 1, span_id 2, parent_span_id 4, name 5, kind 6, start_time_unix_nano 7, end_time_unix_nano 8,
    /// flags 16.
    public mutating func begin(_ head: Head, name: UnsafeRawBufferPointer, of owner: any ResourceOwner) {
        batch.open(owner)
        guard WireText.isUTF8(name) else {
            let repaired = WireText.repaired(name)
            return repaired.withUnsafeBytes { write(head, $0) }
        }
        write(head, name)
    }

    private mutating func write(_ head: Head, _ name: UnsafeRawBufferPointer) {
        let start = batch.items.room(80 + name.count)
        var writer = FieldWriter(start)
        writer.id(1, high: head.traceHigh, low: head.traceLow)
        writer.id(2, head.id)
        parentOffset = batch.items.count + (writer.target - start)
        Self.write(parent: head.parent, isRemote: head.isParentRemote, &writer)
        writer.field(5, name)
        writer.varint(6, UInt64(head.kind.rawValue))
        writer.fixed64(7, head.start)
        writer.fixed64(8, head.end)
        batch.items.advance(writer.target - start)
    }

    /// Bytes of parent and flags, whether there is a parent or not.
    private static let parentSize = 16

    /// parent_span_id and flags, always as long, so that a parent can be set later. Without one there are five empty
    /// trace_state (3) in its place: the last of several counts, and empty is what a span without that field has.
    private static func write(parent: UInt64, isRemote: Bool, _ writer: inout FieldWriter) {
        var flags = sampled
        if parent != 0 {
            writer.id(4, parent)
            flags |= knowsRemote | (isRemote ? Self.isRemote : 0)
        } else {
            for _ in 0..<5 { writer.header(3, 0) }
        }
        // Field 16, fixed32: the tag has two bytes.
        writer.byte(0x85)
        writer.byte(0x01)
        writer.target.storeBytes(of: flags.littleEndian, as: UInt32.self)
        writer.target += 4
    }

    /// Where the parent of the span that was begun last can be set.
    public var parentPlace: ParentPlace { ParentPlace(offset: parentOffset, batch: finished) }

    /// Sets the parent of a span, which is of this very node; false if the span was handed over meanwhile.
    public mutating func set(parent: UInt64, at place: ParentPlace) -> Bool {
        guard place.batch == finished else { return false }
        return batch.items.overwrite(at: place.offset, Self.parentSize) { target in
            var writer = FieldWriter(target)
            Self.write(parent: parent, isRemote: false, &writer)
        }
    }

    public mutating func attribute(_ key: StaticString, _ value: UnsafeRawBufferPointer) {
        batch.items.appendAttribute(Self.attributes, key, value)
    }

    public mutating func attribute(_ key: StaticString, _ value: StaticString) {
        batch.items.appendAttribute(Self.attributes, key, value)
    }

    public mutating func attribute(_ key: StaticString, integer value: Int64) {
        batch.items.appendAttribute(Self.attributes, key, integer: value)
    }

    /// An attribute with what is in `text`, which is empty afterwards.
    public mutating func attributeOfText(_ key: StaticString) {
        keepText(as: key)
        text.removeAll()
    }

    /// The same without emptying `text`.
    public mutating func keepText(as key: StaticString) {
        Self.append(key, text, to: &batch)
    }

    private static func append(_ key: StaticString, _ text: borrowing WireBuffer, to batch: inout OTLPBatch) {
        let bytes = text.bytes
        bytes.withUnsafeBytes { batch.items.appendAttribute(attributes, key, $0) }
    }

    /// An attribute with several texts, which `arrayText` adds, until `endArray`.
    public mutating func beginArray(_ key: StaticString) { array = batch.items.openArray(Self.attributes, key) }

    public mutating func arrayText(_ text: UnsafeRawBufferPointer) { batch.items.appendArrayText(text) }

    public mutating func endArray() {
        guard let open = array else { return }
        array = nil
        batch.items.closeArray(open)
    }

    /// Ends the span: status 15, with code 3, which is 2 (`STATUS_CODE_ERROR`) or left out.
    public mutating func end(isError: Bool) {
        if isError {
            batch.items.append(Protobuf.tag(15, .lengthDelimited))
            batch.items.append(2)
            batch.items.append(Protobuf.tag(3, .varint))
            batch.items.append(2)
        }
        batch.close()
    }

    /// Appends the request of all spans that were ended and forgets them.
    public mutating func finish(into request: inout WireBuffer) {
        batch.finish(into: &request)
        finished += 1
    }
}
