@testable import Logs

/// A message as values, for comparisons.
struct ReadMessage: Equatable {
    var body: String
    var level: LogLevel
    var time: UInt64 = 0
    var stream = LogStream.unknown
    var attributes: [String: String] = [:]
    var trace: TraceID?
    var span: SpanID?
}

func text(_ span: Span<UInt8>) -> String { span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }

/// What a reader makes of `lines`, all flushed at the end.
func messages(_ format: LogFormat, _ lines: [[UInt8]], parsesJSON: Bool = true) -> [ReadMessage] {
    var reader = LogReader(format, parsesJSON: parsesJSON)
    var result: [ReadMessage] = []
    for line in lines { reader.add(line.span) { result.append(read($0, $1)) } }
    reader.flush { result.append(read($0, $1)) }
    return result
}

func messages(_ format: LogFormat, _ lines: [String], parsesJSON: Bool = true) -> [ReadMessage] {
    messages(format, lines.map { Array($0.utf8) }, parsesJSON: parsesJSON)
}

func read(_ message: borrowing LogReader.Message, _ json: borrowing JSONLog) -> ReadMessage {
    var attributes: [String: String] = [:]
    for index in 0..<json.attributeCount {
        attributes[text(json.attributeKey(index))] = text(json.attributeValue(index))
    }
    return ReadMessage(
        body: text(message.body), level: message.level, time: message.origin.time, stream: message.origin.stream,
        attributes: attributes, trace: json.traceID, span: json.spanID)
}
