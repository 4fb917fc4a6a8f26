/// Writes log records (opentelemetry/proto/logs/v1/logs.proto) as requests of the type `ExportLogsServiceRequest`.
///
/// A record is begun, gets its attributes, and is ended.
public struct LogRecordEncoder: ~Copyable, Sendable {
    /// What every record has.
    public struct Head: Sendable {
        /// Nanoseconds since the Unix epoch.
        public var time: UInt64
        public var observedTime: UInt64
        /// `SeverityNumber`; 0 is unspecified.
        public var severity: UInt8
        public var severityText: StaticString
        /// All 0 where the record names no trace.
        public var traceHigh: UInt64 = 0
        public var traceLow: UInt64 = 0
        /// 0 where it names no span.
        public var span: UInt64 = 0

        public init(time: UInt64, observedTime: UInt64, severity: UInt8, severityText: StaticString) {
            (self.time, self.observedTime, self.severity) = (time, observedTime, severity)
            self.severityText = severityText
        }
    }

    private static let attributes: UInt8 = 6
    /// Fields of a head at their longest, without texts.
    private static let headSize = 96
    /// The three attributes of most records at their longest, without values.
    private static let attributesSize = 128

    private var batch: OTLPBatch

    public init(scopeName: String = "", scopeVersion: String = "", schemaURL: String = "") {
        batch = OTLPBatch(scopeName: scopeName, scopeVersion: scopeVersion, schemaURL: schemaURL)
    }

    /// Records that were ended.
    public var count: Int { batch.count }
    /// Bytes of the request that they make, about.
    public var byteCount: Int { batch.byteCount }
    /// Whether another resource does not fit.
    public var isFull: Bool { batch.isFull }

    /// Begins a record: time_unix_nano 1, severity_number 2, severity_text 3, body 5 (with string_value 1), trace_id 9,
    /// span_id 10, observed_time_unix_nano 11. `body` is UTF-8.
    public mutating func begin(_ head: Head, body: UnsafeRawBufferPointer, of owner: any ResourceOwner) {
        batch.open(owner)
        let level = UnsafeRawBufferPointer(
            start: head.severityText.utf8Start, count: head.severityText.utf8CodeUnitCount)
        let start = batch.items.room(Self.headSize + level.count + body.count)
        var writer = FieldWriter(start)
        Self.write(head, level, body, &writer)
        batch.items.advance(writer.target - start)
    }

    @inline(__always)
    private static func write(
        _ head: Head, _ level: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, _ writer: inout FieldWriter
    ) {
        writer.fixed64(1, head.time)
        if head.severity != 0 { writer.varint(2, UInt64(head.severity)) }
        writer.field(3, level)
        writer.header(5, Protobuf.fieldSize(body.count))
        writer.field(1, body)
        if head.traceHigh | head.traceLow != 0 { writer.id(9, high: head.traceHigh, low: head.traceLow) }
        if head.span != 0 { writer.id(10, head.span) }
        writer.fixed64(11, head.observedTime)
    }

    /// Appends a whole record at once, as most are: `begin`, these three attributes, `end`. All texts are UTF-8.
    /// - Parameters:
    ///   - pattern: `pattern.hash`, 32 bytes, or none: then it is empty.
    ///   - stream: `log.iostream`, where there is one.
    ///   - source: `log.source`.
    public mutating func append(
        _ head: Head, body: UnsafeRawBufferPointer, pattern: UnsafeRawBufferPointer, stream: StaticString?,
        source: UnsafeRawBufferPointer, of owner: any ResourceOwner
    ) {
        let level = UnsafeRawBufferPointer(
            start: head.severityText.utf8Start, count: head.severityText.utf8CodeUnitCount)
        let stream = stream.map { UnsafeRawBufferPointer(start: $0.utf8Start, count: $0.utf8CodeUnitCount) }
        let texts = level.count + body.count + pattern.count + (stream?.count ?? 0) + source.count
        batch.append(owner, Self.headSize + Self.attributesSize + texts) { writer in
            Self.write(head, level, body, &writer)
            if pattern.count == 32 {
                // Of a length that is known here it costs half.
                writer.attribute(
                    Self.attributes, "pattern.hash", UnsafeRawBufferPointer(start: pattern.baseAddress, count: 32))
            } else {
                writer.attribute(Self.attributes, "pattern.hash", pattern)
            }
            if let stream { writer.attribute(Self.attributes, "log.iostream", stream) }
            writer.attribute(Self.attributes, "log.source", source)
        }
    }

    /// An attribute whose value is UTF-8.
    public mutating func attribute(_ key: StaticString, _ value: UnsafeRawBufferPointer) {
        let key = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        batch.items.appendValidAttribute(Self.attributes, key, value)
    }

    public mutating func attribute(_ key: StaticString, _ value: StaticString) {
        attribute(key, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    /// An attribute of the record's own; where key or value are no UTF-8 they are mended.
    public mutating func attribute(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        batch.items.appendAttribute(Self.attributes, key, value)
    }

    /// Ends the record.
    public mutating func end() { batch.close() }

    /// Appends the request of all records that were ended and forgets them.
    public mutating func finish(into request: inout WireBuffer) { batch.finish(into: &request) }
}
