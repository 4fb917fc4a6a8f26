/// Writes a remote write 2.0 request once more as a 1.0 one, for receivers that turn out not to know 2.0.
///
/// Labels, values and timestamps stay; created timestamps and metadata have no place there and go. Only what the encoder of
/// this module makes is understood: samples, no histograms, no exemplars. Whatever is not a whole request is refused: it may
/// come from a file.
public enum RemoteWriteDowngrade {
    /// Appends `request` (`io.prometheus.write.v2.Request`) to `output` as `prometheus.WriteRequest`.
    public static func convert(
        _ request: borrowing WireBuffer, into output: inout WireBuffer
    ) throws(DecompressionError) {
        let span = request.bytes
        let isWhole = span.withUnsafeBytes { bytes -> Bool in
            var symbols: [Range<Int>] = []
            var reader = ProtobufReader(bytes)
            while let field = reader.next() {
                if field.number == 4, let content = field.content { symbols.append(content) }
            }
            guard reader.isAtEnd else { return false }
            var series = WireBuffer()
            reader = ProtobufReader(bytes)
            while let field = reader.next() {
                guard field.number == 5, let content = field.content else { continue }
                series.removeAll()
                guard appendSeries(content, bytes, symbols, to: &series) else { return false }
                output.appendFieldHeader(1, length: series.count)
                let whole = series.bytes
                whole.withUnsafeBytes { output.append($0) }
            }
            return true
        }
        guard isWhole else { throw .malformed("a remote write 2.0 request") }
    }

    /// `TimeSeries` of 2.0: labels_refs 1 (packed), samples 2. Of 1.0: labels 1 (name 1, value 2), samples 2. A sample has
    /// value 1 and timestamp 2 in both.
    private static func appendSeries(
        _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ symbols: [Range<Int>], to series: inout WireBuffer
    ) -> Bool {
        var fields = ProtobufReader(bytes, range)
        while let field = fields.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 1:
                var references = ProtobufReader(bytes, content)
                while let name = references.varint(), let value = references.varint() {
                    guard name < UInt64(symbols.count), value < UInt64(symbols.count) else { return false }
                    appendLabel(bytes, symbols[Int(name)], symbols[Int(value)], to: &series)
                }
                guard references.isAtEnd else { return false }
            case 2:
                guard appendSample(content, bytes, to: &series) else { return false }
            default: break
            }
        }
        return fields.isAtEnd
    }

    private static func appendLabel(
        _ bytes: UnsafeRawBufferPointer, _ name: Range<Int>, _ value: Range<Int>, to series: inout WireBuffer
    ) {
        series.appendFieldHeader(1, length: Protobuf.fieldSize(name.count) + Protobuf.fieldSize(value.count))
        for (number, text) in [(UInt8(1), name), (2, value)] {
            series.appendFieldHeader(number, length: text.count)
            series.append(UnsafeRawBufferPointer(rebasing: bytes[text]))
        }
    }

    private static func appendSample(
        _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer, to series: inout WireBuffer
    ) -> Bool {
        var (value, time): (UInt64, UInt64) = (0, 0)
        var fields = ProtobufReader(bytes, range)
        while let field = fields.next() {
            if field.number == 1 { value = field.number64 }
            if field.number == 2 { time = field.number64 }
        }
        guard fields.isAtEnd else { return false }
        series.appendFieldHeader(2, length: 9 + 1 + Protobuf.varintSize(time))
        series.append(Protobuf.tag(1, .fixed64))
        series.appendFixed64(value)
        series.append(Protobuf.tag(2, .varint))
        series.appendVarint(time)
        return true
    }
}
