public import Logs
public import Wire

extension LogRecordEncoder {
    /// Appends a record of the agent's with what its JSON said, as docs/logs.md lists it.
    @inline(__always)
    public mutating func append(_ record: borrowing LogRecord, _ json: borrowing JSONLog, of owner: LogOwner) {
        var head = Head(
            time: record.time, observedTime: record.observedTime, severity: record.level.severityNumber,
            severityText: record.level.name)
        if let trace = json.traceID { (head.traceHigh, head.traceLow) = (trace.high, trace.low) }
        if let span = json.spanID { head.span = span.value }
        let pattern = record.pattern
        if json.attributeCount == 0 {
            let stream = record.stream.name
            record.body.withUnsafeBytes { body in
                record.source.withUnsafeBytes { source in
                    pattern.text.withUnsafeBytes {
                        append(head, body: body, pattern: $0, stream: stream, source: source, of: owner)
                    }
                }
            }
            return
        }
        record.body.withUnsafeBytes { begin(head, body: $0, of: owner) }
        pattern.text.withUnsafeBytes { attribute("pattern.hash", $0) }
        for index in 0..<json.attributeCount {
            let key = json.attributeKey(index)
            let value = json.attributeValue(index)
            key.withUnsafeBytes { key in value.withUnsafeBytes { attribute(key, $0) } }
        }
        if let stream = record.stream.name { attribute("log.iostream", stream) }
        record.source.withUnsafeBytes { attribute("log.source", $0) }
        end()
    }
}
