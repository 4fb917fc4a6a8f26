/// Cuts a request that a receiver finds too large into two with about half of its items each, in their order.
///
/// Works on the bytes: what is not an item (a resource, the name of a metric) is copied to each half that needs it. Whatever is
/// not a whole request is refused: it may come from a file.
public enum RequestHalves {
    /// What is cut.
    public enum Form: Sendable {
        /// `prometheus.WriteRequest`: between two series, or two of their metadata.
        case remoteWrite
        /// `io.prometheus.write.v2.Request`: between two series. Each half has symbols of its own.
        case remoteWrite2
        /// `ExportMetricsServiceRequest`: between two data points.
        case otlpMetrics
        /// `ExportLogsServiceRequest` or `ExportTraceServiceRequest`: between two records or spans.
        case otlpItems

        /// The numbers of the fields that lead to what is cut, from the outside to the inside.
        fileprivate var path: [[UInt64]] {
            switch self {
            // TimeSeries 1, MetricMetadata 3.
            case .remoteWrite: [[1, 3]]
            case .remoteWrite2: [[5]]
            // ResourceMetrics 1, ScopeMetrics 2, Metric 2; Gauge 5, Sum 7, Histogram 9; data points 1.
            case .otlpMetrics: [[1], [2], [2], [5, 7, 9], [1]]
            case .otlpItems: [[1], [2], [2]]
            }
        }

        /// The same for what counts as an item.
        fileprivate var itemPath: [[UInt64]] { self == .remoteWrite ? [[1]] : path }
    }

    /// Appends the halves of `request`. Returns the items in the first; nil if there is only one.
    public static func cut(
        _ request: borrowing WireBuffer, _ form: Form, into first: inout WireBuffer, _ second: inout WireBuffer
    ) throws(DecompressionError) -> Int? {
        let span = request.bytes
        let path = form.path[...]
        let count = span.withUnsafeBytes { Self.count($0, 0..<$0.count, path) }
        guard let count else { throw .malformed("a request") }
        if count < 2 { return nil }
        let items = span.withUnsafeBytes { bytes -> Int? in
            func copy(_ kept: Range<Int>, into half: inout WireBuffer) -> Bool {
                var number = 0
                guard form == .remoteWrite2 else {
                    Self.copy(bytes, 0..<bytes.count, path, kept, &number, into: &half)
                    return true
                }
                // All but the symbols.
                var series = WireBuffer(capacity: bytes.count)
                Self.copy(bytes, 0..<bytes.count, path, kept, &number, skipping: 4, into: &series)
                return renumber(series, of: bytes, into: &half)
            }
            guard copy(0..<count / 2, into: &first), copy(count / 2..<count, into: &second) else { return nil }
            let half = first.bytes
            return half.withUnsafeBytes { Self.count($0, 0..<$0.count, form.itemPath[...]) }
        }
        guard let items else { throw .malformed("a request") }
        return items
    }

    /// Items in the message at `range`; nil if it is no message.
    private static func count(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ path: ArraySlice<[UInt64]>
    ) -> Int? {
        guard let numbers = path.first else { return 1 }
        var total = 0
        var fields = ProtobufReader(bytes, range)
        while let field = fields.next() {
            guard numbers.contains(field.number), let content = field.content else { continue }
            guard let count = count(bytes, content, path.dropFirst()) else { return nil }
            total += count
        }
        return fields.isAtEnd ? total : nil
    }

    /// Appends the message at `range` with those of its items whose numbers are in `kept`.
    ///
    /// - Parameter next: the number of its first item; afterwards, of the one behind its last.
    private static func copy(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ path: ArraySlice<[UInt64]>, _ kept: Range<Int>,
        _ next: inout Int, skipping skipped: UInt64? = nil, into output: inout WireBuffer
    ) {
        guard let numbers = path.first else { return }
        var fields = ProtobufReader(bytes, range)
        var start = fields.position
        while let field = fields.next() {
            let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<fields.position])
            start = fields.position
            guard numbers.contains(field.number), let content = field.content else {
                if field.number != skipped { output.append(whole) }
                continue
            }
            let own = next..<next + (count(bytes, content, path.dropFirst()) ?? 0)
            next = own.upperBound
            let common = own.clamped(to: kept)
            // One without items is in neither half.
            if common.isEmpty { continue }
            if common == own {
                output.append(whole)
                continue
            }
            output.append(Protobuf.tag(UInt8(field.number), .lengthDelimited))
            let length = output.openLength()
            var number = own.lowerBound
            copy(bytes, content, path.dropFirst(), kept, &number, into: &output)
            output.closeLength(length)
        }
    }

    /// Appends some series of `request` with symbols that have numbers of their own. False if a series refers to one that is not
    /// there.
    private static func renumber(
        _ series: borrowing WireBuffer, of request: UnsafeRawBufferPointer, into output: inout WireBuffer
    ) -> Bool {
        var symbols = SymbolPlaces(request)
        let span = series.bytes
        let isWhole = span.withUnsafeBytes { bytes in
            var series = WireBuffer()
            var all = ProtobufReader(bytes)
            while let one = all.next() {
                guard let content = one.content else { return false }
                series.removeAll()
                guard renumber(bytes, content, &symbols, into: &series) else { return false }
                output.appendFieldHeader(5, length: series.count)
                output.append(series)
            }
            return true
        }
        for text in symbols.used {
            output.appendFieldHeader(4, length: text.count)
            output.append(UnsafeRawBufferPointer(rebasing: request[text]))
        }
        return isWhole
    }

    /// `TimeSeries`: labels_refs 1 (packed), metadata 5 (type 1, help_ref 3, unit_ref 4); what else is in it has no references.
    private static func renumber(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ symbols: inout SymbolPlaces,
        into series: inout WireBuffer
    ) -> Bool {
        var part = WireBuffer()
        var fields = ProtobufReader(bytes, range)
        var start = fields.position
        while let field = fields.next() {
            let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<fields.position])
            start = fields.position
            guard let content = field.content, field.number == 1 || field.number == 5 else {
                series.append(whole)
                continue
            }
            part.removeAll()
            var inner = ProtobufReader(bytes, content)
            if field.number == 1 {
                while let number = inner.varint() {
                    guard let place = symbols.place(of: number) else { return false }
                    part.appendVarint(place)
                }
            } else {
                while let value = inner.next() {
                    guard value.content == nil, value.number < 16 else { return false }
                    let isReference = value.number == 3 || value.number == 4
                    guard let number = isReference ? symbols.place(of: value.number64) : value.number64 else {
                        return false
                    }
                    part.append(Protobuf.tag(UInt8(value.number), .varint))
                    part.appendVarint(number)
                }
            }
            guard inner.isAtEnd else { return false }
            series.appendFieldHeader(UInt8(field.number), length: part.count)
            series.append(part)
        }
        return true
    }
}
