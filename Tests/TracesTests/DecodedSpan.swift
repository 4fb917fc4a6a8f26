import Wire

/// A span of an `ExportTraceServiceRequest`, read by the published field numbers (opentelemetry/proto/trace/v1/trace.proto). That
/// the encoder writes the messages as they are published is shown in WireTests and by the real definitions in SystemTests.
struct DecodedSpan {
    var service = ""
    var trace: [UInt8] = []
    var id: [UInt8] = []
    var parent: [UInt8] = []
    var name = ""
    var kind: UInt64 = 0
    var start: UInt64 = 0
    var end: UInt64 = 0
    var isError = false
    var flags: UInt64 = 0
    /// Numbers as decimals; the texts of an array with commas between them.
    var attributes: [String: String] = [:]

    static func all(_ recorder: inout SpanRecorderBox) -> [DecodedSpan] {
        var buffer = WireBuffer()
        recorder.recorder.finish(into: &buffer)
        let bytes = buffer.bytes
        return bytes.withUnsafeBytes { bytes in
            var spans: [DecodedSpan] = []
            each(bytes, nil, 1) { resource in
                var service = ""
                each(bytes, resource, 1) {
                    each(bytes, $0, 1) {
                        let pair = attribute(bytes, $0)
                        if pair.0 == "service.name" { service = pair.1 }
                    }
                }
                each(bytes, resource, 2) { scope in
                    each(bytes, scope, 2) {
                        var span = DecodedSpan(bytes, $0)
                        span.service = service
                        spans.append(span)
                    }
                }
            }
            return spans
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        var reader = ProtobufReader(bytes, range)
        while let field = reader.next() {
            let content = field.content.map { Array(bytes[$0]) } ?? []
            switch field.number {
            case 1: trace = content
            case 2: id = content
            case 4: parent = content
            case 5: name = String(decoding: content, as: UTF8.self)
            case 6: kind = field.number64
            case 7: start = field.number64
            case 8: end = field.number64
            case 9:
                guard let range = field.content else { continue }
                let (key, value) = Self.attribute(bytes, range)
                attributes[key] = value
            case 15:
                guard let range = field.content else { continue }
                var status = ProtobufReader(bytes, range)
                while let part = status.next() { if part.number == 3 { isError = part.number64 == 2 } }
            case 16: flags = field.number64
            default: break
            }
        }
    }

    private static func each(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>?, _ number: UInt64, _ body: (Range<Int>) -> Void
    ) {
        var reader = ProtobufReader(bytes, range)
        while let field = reader.next() {
            if field.number == number, let content = field.content { body(content) }
        }
    }

    private static func attribute(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> (String, String) {
        var (key, value) = ("", "")
        var reader = ProtobufReader(bytes, range)
        while let field = reader.next() {
            guard let content = field.content else { continue }
            if field.number == 1 {
                key = String(decoding: bytes[content], as: UTF8.self)
            } else {
                value = Self.value(bytes, content)
            }
        }
        return (key, value)
    }

    private static func value(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        var reader = ProtobufReader(bytes, range)
        guard let field = reader.next() else { return "" }
        switch (field.number, field.content) {
        case (1, let content?): return String(decoding: bytes[content], as: UTF8.self)
        case (3, _): return "\(Int64(bitPattern: field.number64))"
        case (5, let content?):
            var texts: [String] = []
            each(bytes, content, 1) { texts.append(value(bytes, $0)) }
            return texts.joined(separator: ",")
        default: return "?"
        }
    }
}
