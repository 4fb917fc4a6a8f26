public import Metrics

/// Writes a snapshot as a page of metrics.
public enum TextExposition {
    /// Appends the page. Samples carry no timestamp: the reader's clock counts, as usual for scrapes.
    public static func encode(_ snapshot: MetricsSnapshot, format: TextFormat, into buffer: inout WireBuffer) {
        for family in MetricFamily.allCases {
            let samples = snapshot[family]
            if samples.isEmpty { continue }
            let name = family.name
            switch family.histogramPart {
            case nil: appendHeader(name: name, type: family.type, help: family.help, format: format, to: &buffer)
            case .bucket:
                appendHeader(
                    name: String(family.metricName), type: .histogram, help: family.help, format: format, to: &buffer)
            // Under the header of the buckets.
            case .sum, .count: break
            }
            for sample in samples {
                buffer.append(name)
                sample.labels.withText { buffer.append($0) }
                buffer.append(UInt8(ascii: " "))
                NumberText.append(sample.value, to: &buffer)
                buffer.append(UInt8(ascii: "\n"))
            }
        }
        if format == .openMetrics1 { buffer.append("# EOF\n") }
    }

    /// Appends the HELP and TYPE lines of a family whose series are called `name`.
    static func appendHeader(
        name: String, type: MetricType, help: String, format: TextFormat, to buffer: inout WireBuffer
    ) {
        var familyLength = name.utf8.count
        var typeName = type.rawValue
        if format == .openMetrics1, type == .counter {
            // OpenMetrics keeps the suffix out of the family's name, and knows no counter without it.
            if name.hasSuffix("_total") {
                familyLength -= "_total".utf8.count
            } else {
                typeName = "unknown"
            }
        }
        buffer.append("# HELP ")
        appendPrefix(of: name, length: familyLength, to: &buffer)
        buffer.append(UInt8(ascii: " "))
        for byte in help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): buffer.append("\\\\")
            case UInt8(ascii: "\n"): buffer.append("\\n")
            case UInt8(ascii: "\"") where format == .openMetrics1: buffer.append("\\\"")
            default: buffer.append(byte)
            }
        }
        buffer.append("\n# TYPE ")
        appendPrefix(of: name, length: familyLength, to: &buffer)
        buffer.append(UInt8(ascii: " "))
        buffer.append(typeName)
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func appendPrefix(of name: String, length: Int, to buffer: inout WireBuffer) {
        let span = name.utf8.span
        span.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }
}
