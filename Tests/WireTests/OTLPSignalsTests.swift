import CAllocations
import SwiftProtobuf
import Testing

@testable import Wire

/// What comes out of the encoders of spans and log records, read by swift-protobuf from the published field numbers.
@Suite struct OTLPSignalsTests {
    private final class Owner: ResourceOwner {
        let name: String
        init(_ name: String) { self.name = name }
        func describe(_ resource: inout ResourceEncoder) {
            resource.attribute("service.name", name)
            resource.attribute("host.name", "node")
        }
    }

    private func request(_ encoder: inout SpanEncoder) throws -> Opentelemetry_ExportTraceServiceRequest {
        var buffer = WireBuffer()
        encoder.finish(into: &buffer)
        let bytes = buffer.bytes.withUnsafeBytes { Array($0) }
        return try Opentelemetry_ExportTraceServiceRequest(serializedBytes: bytes)
    }

    private func request(_ encoder: inout LogRecordEncoder) throws -> Opentelemetry_ExportLogsServiceRequest {
        var buffer = WireBuffer()
        encoder.finish(into: &buffer)
        let bytes = buffer.bytes.withUnsafeBytes { Array($0) }
        return try Opentelemetry_ExportLogsServiceRequest(serializedBytes: bytes)
    }

    private func spans() -> SpanEncoder {
        SpanEncoder(scopeName: "scope", scopeVersion: "1.2", schemaURL: "urn:schema")
    }

    private static let head = SpanEncoder.Head(
        traceHigh: 0x0102_0304_0506_0708, traceLow: 0x090A_0B0C_0D0E_0F10, id: 0x1112_1314_1516_1718, parent: 0,
        kind: .client, start: 1_700_000_000_000_000_001, end: 1_700_000_000_000_000_900, isParentRemote: false)

    private func with(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        Array(text.utf8).withUnsafeBytes(body)
    }

    @Test func aSpanHasAllItWasGiven() throws {
        var encoder = spans()
        var head = Self.head
        head.parent = 0xA1A2_A3A4_A5A6_A7A8
        head.isParentRemote = true
        encoder.begin(head, name: UnsafeRawBufferPointer(start: nil, count: 0), of: Owner("one"))
        encoder.attribute("text", "ok")
        encoder.attribute("number", integer: 443)
        encoder.attribute("negative", integer: -1)
        encoder.text.append("a")
        encoder.text.appendDecimal(-12)
        encoder.keepText(as: "kept")
        encoder.attributeOfText("joined")
        encoder.beginArray("list")
        with("x") { encoder.arrayText($0) }
        with("y\u{e9}") { encoder.arrayText($0) }
        encoder.endArray()
        encoder.end(isError: true)
        #expect(encoder.count == 1 && encoder.byteCount > 100)

        let request = try request(&encoder)
        #expect(encoder.count == 0)
        #expect(request.unknownFields.data.isEmpty && request.resourceSpans.count == 1)
        let resource = request.resourceSpans[0]
        #expect(
            resource.resource.attributes.map { "\($0.key)=\($0.value.stringValue)" } == [
                "service.name=one", "host.name=node",
            ])
        #expect(resource.schemaURL == "urn:schema" && resource.scopeSpans.count == 1)
        #expect(resource.scopeSpans[0].scope.name == "scope" && resource.scopeSpans[0].scope.version == "1.2")
        let span = try #require(resource.scopeSpans[0].spans.first)
        #expect(span.unknownFields.data.isEmpty)
        #expect(Array(span.traceID) == Array(1...16) && Array(span.spanID) == Array(0x11...0x18))
        #expect(Array(span.parentSpanID) == Array(0xA1...0xA8))
        #expect(span.name.isEmpty && span.kind == .client && span.flags == 0x301)
        #expect(span.startTimeUnixNano == Self.head.start && span.endTimeUnixNano == Self.head.end)
        #expect(span.status.code == .error && span.status.message.isEmpty)
        let attributes = Dictionary(uniqueKeysWithValues: span.attributes.map { ($0.key, $0.value) })
        #expect(attributes["text"]?.stringValue == "ok")
        #expect(attributes["number"]?.intValue == 443 && attributes["negative"]?.intValue == -1)
        #expect(attributes["kept"]?.stringValue == "a-12" && attributes["joined"]?.stringValue == "a-12")
        #expect(attributes["list"]?.arrayValue.values.map(\.stringValue) == ["x", "y\u{e9}"])
    }

    @Test func withoutParentAndErrorNeitherIsWritten() throws {
        var encoder = spans()
        with("GET") { encoder.begin(Self.head, name: $0, of: Owner("one")) }
        encoder.end(isError: false)
        let span = try request(&encoder).resourceSpans[0].scopeSpans[0].spans[0]
        #expect(span.name == "GET" && span.parentSpanID.isEmpty && !span.hasStatus && span.flags == 1)
    }

    /// Receivers refuse a request with a string that is none.
    @Test func whatIsNoTextIsMended() throws {
        var encoder = spans()
        let bad: [UInt8] = [0x61, 0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80]
        bad.withUnsafeBytes { bytes in
            encoder.begin(Self.head, name: bytes, of: Owner("one"))
            encoder.attribute("key", bytes)
            encoder.text.append(bytes)
            encoder.attributeOfText("joined")
            encoder.beginArray("list")
            encoder.arrayText(bytes)
            encoder.endArray()
        }
        encoder.end(isError: false)
        let span = try request(&encoder).resourceSpans[0].scopeSpans[0].spans[0]
        let mended = String(decoding: bad, as: UTF8.self)
        #expect(span.name == mended)
        #expect(span.attributes.prefix(2).allSatisfy { $0.value.stringValue == mended })
        #expect(span.attributes[2].value.arrayValue.values.map(\.stringValue) == [mended])
    }

    /// Whatever the order of owners: each is there once, with its own items in their order.
    @Test func itemsAreGroupedByResource() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            let owners = (0..<Int.random(in: 1...20, using: &random)).map { Owner("service-\($0)") }
            var encoder = LogRecordEncoder()
            var expected: [String: [String]] = [:]
            for number in 0..<Int.random(in: 1...400, using: &random) {
                let owner = owners[Int.random(in: 0..<owners.count, using: &random)]
                let head = LogRecordEncoder.Head(time: 1, observedTime: 2, severity: 0, severityText: "unknown")
                let body = String(repeating: "b", count: Int.random(in: 0...300, using: &random)) + "\(number)"
                with(body) { encoder.begin(head, body: $0, of: owner) }
                encoder.end()
                expected[owner.name, default: []].append(body)
            }
            let request = try request(&encoder)
            var found: [String: [String]] = [:]
            for resource in request.resourceLogs {
                let name = resource.resource.attributes[0].value.stringValue
                #expect(found[name] == nil)
                found[name] = resource.scopeLogs.flatMap { $0.logRecords.map(\.body.stringValue) }
                #expect(!resource.scopeLogs[0].hasScope)
            }
            #expect(found == expected)
        }
    }

    @Test func aLogRecordHasAllItWasGiven() throws {
        var encoder = LogRecordEncoder()
        var head = LogRecordEncoder.Head(
            time: 1_700_000_000_123_456_789, observedTime: 1_700_000_000_999_999_999, severity: 17,
            severityText: "error")
        (head.traceHigh, head.traceLow, head.span) = (
            0x0102_0304_0506_0708, 0x090A_0B0C_0D0E_0F10, 0x1112_1314_1516_1718
        )
        with("it broke") { encoder.begin(head, body: $0, of: Owner("one")) }
        encoder.attribute("pattern.hash", "0123")
        with("own.key") { key in with("own value") { encoder.attribute(key, $0) } }
        encoder.end()
        let record = try request(&encoder).resourceLogs[0].scopeLogs[0].logRecords[0]
        #expect(record.unknownFields.data.isEmpty)
        #expect(record.timeUnixNano == head.time && record.observedTimeUnixNano == head.observedTime)
        #expect(record.severityNumber == 17 && record.severityText == "error" && record.body.stringValue == "it broke")
        #expect(Array(record.traceID) == Array(1...16) && Array(record.spanID) == Array(0x11...0x18))
        #expect(
            record.attributes.map { "\($0.key)=\($0.value.stringValue)" } == ["pattern.hash=0123", "own.key=own value"])
    }

    /// Bytes of both, for texts around the lengths at which a varint grows.
    @Test func aWholeRecordIsItsPieces() {
        let owner = Owner("one")
        var whole = LogRecordEncoder()
        var pieces = LogRecordEncoder()
        for length in [0, 1, 31, 32, 33, 89, 90, 91, 125, 126, 127, 128, 129, 16_380, 16_383, 16_384, 16_385, 70_000] {
            for (pattern, stream) in [("", nil), (String(repeating: "a", count: 32), "stderr")]
                as [(String, StaticString?)]
            {
                var head = LogRecordEncoder.Head(
                    time: UInt64(length), observedTime: 2, severity: UInt8(length % 24), severityText: "error")
                if length % 2 == 1 { (head.traceHigh, head.traceLow, head.span) = (1, 2, 3) }
                let body = String(repeating: "b", count: length)
                let source = String(repeating: "s", count: min(length, 300))
                with(body) { body in
                    with(pattern) { pattern in
                        with(source) { source in
                            whole.append(head, body: body, pattern: pattern, stream: stream, source: source, of: owner)
                            pieces.begin(head, body: body, of: owner)
                            pieces.attribute("pattern.hash", pattern)
                            if let stream { pieces.attribute("log.iostream", stream) }
                            pieces.attribute("log.source", source)
                            pieces.end()
                        }
                    }
                }
            }
        }
        #expect(whole.count == pieces.count && whole.byteCount == pieces.byteCount)
        var first = WireBuffer()
        var second = WireBuffer()
        whole.finish(into: &first)
        pieces.finish(into: &second)
        #expect(bytes(first) == bytes(second) && first.count > 0)
    }

    private func bytes(_ buffer: borrowing WireBuffer) -> [UInt8] {
        let span = buffer.bytes
        return span.withUnsafeBytes { Array($0) }
    }

    /// A batch that has been there before costs no allocation per item, however owners take turns.
    @Test func anItemAllocatesNothing() {
        let owners = (0..<16).map { Owner("service-\($0)") }
        let name = Array("SELECT".utf8)
        let statement = Array("SELECT * FROM t WHERE id = 1".utf8)
        var encoder = spans()
        var logs = LogRecordEncoder()
        var request = WireBuffer()
        func fill() {
            let record = LogRecordEncoder.Head(time: 1, observedTime: 2, severity: 9, severityText: "info")
            for number in 0..<2000 {
                name.withUnsafeBytes { encoder.begin(Self.head, name: $0, of: owners[number % 16]) }
                statement.withUnsafeBytes { encoder.attribute("db.statement", $0) }
                encoder.attribute("net.peer.port", integer: 5432)
                encoder.end(isError: number % 7 == 0)
                statement.withUnsafeBytes { logs.begin(record, body: $0, of: owners[number % 16]) }
                logs.attribute("pattern.hash", "")
                logs.end()
            }
            request.removeAll()
            encoder.finish(into: &request)
            logs.finish(into: &request)
        }
        fill()
        fill()
        let before = bench_allocations()
        fill()
        let made = bench_allocations() - before
        // Some for each resource, in an unoptimized build more; none for each of the 4,000 items.
        #expect(made < 400, "\(made) allocations")
    }
}
