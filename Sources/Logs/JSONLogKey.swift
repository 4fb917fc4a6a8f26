/// What the names and values of a JSON log mean. Names count without regard to case.
enum JSONLogKey {
    enum Correlation { case none, trace, span }

    private static let messages: InlineArray<6, StaticString> = ["msg", "message", "@m", "@mt", "body", "log"]
    private static let levels: InlineArray<8, StaticString> = [
        "level", "severity", "loglevel", "log.level", "lvl", "@l", "severity_text", "levelname",
    ]
    private static let times: InlineArray<8, StaticString> = [
        "time", "timestamp", "ts", "t", "@t", "@timestamp", "datetime", "asctime",
    ]
    private static let traces: InlineArray<4, StaticString> = ["traceid", "trace_id", "trace-id", "trace.id"]
    private static let spans: InlineArray<4, StaticString> = ["spanid", "span_id", "span-id", "span.id"]

    /// 0 is the best.
    static func messageRank(_ name: Span<UInt8>) -> Int? {
        for index in messages.indices where name.equalsLowered(messages[index]) { return index }
        return nil
    }

    static func levelRank(_ name: Span<UInt8>) -> Int? {
        for index in levels.indices where name.equalsLowered(levels[index]) { return index }
        return nil
    }

    static func isTime(_ name: Span<UInt8>) -> Bool {
        for index in times.indices where name.equalsLowered(times[index]) { return true }
        return false
    }

    static func level(word: Span<UInt8>) -> LogLevel {
        guard word.count <= 16 else { return .unknown }
        func isOne<let count: Int>(of names: InlineArray<count, StaticString>) -> Bool {
            for index in names.indices where word.equalsLowered(names[index]) { return true }
            return false
        }
        if isOne(of: ["info", "inf", "information", "informational", "notice"]) { return .info }
        if isOne(of: ["error", "err"]) { return .error }
        if isOne(of: ["warn", "wrn", "warning"]) { return .warning }
        if isOne(of: ["debug", "dbg", "trace", "trc", "verbose"]) { return .debug }
        if isOne(of: ["fatal", "ftl", "critical", "crit", "panic", "dpanic", "alert", "emerg", "emergency"]) {
            return .critical
        }
        return .unknown
    }

    /// Whole numbers as pino and bunyan write them.
    static func level(number: Span<UInt8>) -> LogLevel {
        guard number.count == 2, number[0].isDigit, number[1].isDigit else { return .unknown }
        return switch number[0] {
        case UInt8(ascii: "1"), UInt8(ascii: "2"): .debug
        case UInt8(ascii: "3"): .info
        case UInt8(ascii: "4"): .warning
        case UInt8(ascii: "5"): .error
        case UInt8(ascii: "6")...UInt8(ascii: "9"): .critical
        default: .unknown
        }
    }

    /// Whether an attribute's name, with its dots, is that of a trace's or a span's id.
    static func correlation(_ name: Span<UInt8>) -> Correlation {
        // Most names are something else.
        let last = name.isEmpty ? 0 : name[name.count - 1] | 0x20
        guard last == UInt8(ascii: "d") || last == UInt8(ascii: "r") || last == UInt8(ascii: "p"), !hasParent(name)
        else {
            return .none
        }
        if name.equalsLowered("@tr") { return .trace }
        if name.equalsLowered("@sp") { return .span }
        for index in traces.indices where isLastPart(name, traces[index]) { return .trace }
        for index in spans.indices where isLastPart(name, spans[index]) { return .span }
        return .none
    }

    /// The name is `part`, or ends with a dot and it.
    private static func isLastPart(_ name: Span<UInt8>, _ part: StaticString) -> Bool {
        let start = name.count - part.utf8CodeUnitCount
        guard start >= 0, start == 0 || name[start - 1] == UInt8(ascii: ".") else { return false }
        return name.extracting(start..<name.count).equalsLowered(part)
    }

    private static func hasParent(_ name: Span<UInt8>) -> Bool {
        let length = 6
        guard name.count >= length else { return false }
        for start in 0...name.count - length where name.extracting(start..<start + length).equalsLowered("parent") {
            return true
        }
        return false
    }
}
