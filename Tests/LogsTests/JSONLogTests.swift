import Foundation
import TestSupport
import Testing

@testable import Logs

struct JSONLogTests {
    private struct Read: Equatable {
        var level = LogLevel.unknown
        var message = ""
        var attributes: [String: String] = [:]
        var trace: TraceID?
        var span: SpanID?
    }

    private static func read(_ json: String) -> Read? {
        var log = JSONLog()
        guard log.read(Array(json.utf8).span) else { return nil }
        var read = Read(level: log.level, message: text(log.message), trace: log.traceID, span: log.spanID)
        for index in 0..<log.attributeCount {
            read.attributes[text(log.attributeKey(index))] = text(log.attributeValue(index))
        }
        return read
    }

    @Test func ordinary() {
        #expect(
            Self.read(
                #"{"time":"2024-01-02T03:04:05Z","level":"warn","msg":"disk is full\n","disk":"sda","n":1.50,"ok":true,"x":null}"#
            )
                == Read(
                    level: .warning, message: "disk is full",
                    attributes: ["disk": "sda", "n": "1.50", "ok": "true", "x": ""]))
    }

    @Test(arguments: [
        "", "{", "}", "{}", "[]", "[1]", "x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":nulll}", "{\"a\":'x'}", "{'a':1}", "{a:1}", "{\"a\":1}{}",
        "{\"a\":1} ", " {\"a\":1}", "{\"a\":\"\u{01}\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":{\"b\"}}", "{\"a\":{\"b\":1,}}", "{\"a\":\"}", "{\"a\":1]", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}",
    ])
    func malformed(json: String) { #expect(Self.read(json) == nil) }

    @Test func keysByRank() {
        #expect(Self.read(#"{"message":"b","msg":"a"}"#) == Read(message: "a", attributes: ["message": "b"]))
        #expect(Self.read(#"{"MESSAGE":"b","log":"c"}"#) == Read(message: "b", attributes: ["log": "c"]))
        #expect(Self.read(#"{"msg":1,"log":"c"}"#) == Read(message: "c", attributes: ["msg": "1"]))
        #expect(Self.read(#"{"Msg":"a","msg":"b"}"#) == Read(message: "a", attributes: ["msg": "b"]))
        #expect(Self.read(#"{"msg":"a","msg":"b"}"#) == Read(message: "b"))
        #expect(
            Self.read(#"{"severity":"error","level":"info"}"#) == Read(level: .info, attributes: ["severity": "error"]))
        #expect(
            Self.read(#"{"severity":"error","level":"loud"}"#) == Read(level: .error, attributes: ["level": "loud"]))
        #expect(Self.read(#"{"level":50,"@l":"x"}"#) == Read(level: .error, attributes: ["@l": "x"]))
    }

    @Test(arguments: [
        ("10", LogLevel.debug), ("29", .debug), ("30", .info), ("39", .info), ("40", .warning), ("50", .error),
        ("60", .critical), ("99", .critical), ("9", .unknown), ("100", .unknown), ("30.0", .unknown), ("-30", .unknown),
        ("\"Informational\"", .info), ("\"DPANIC\"", .critical), ("\"verbose\"", .debug), ("\"wrn\"", .warning),
        ("\"emergency_________\"", .unknown), ("true", .unknown), ("[]", .unknown),
    ])
    func levels(value: String, level: LogLevel) { #expect(Self.read("{\"level\":\(value)}")?.level == level) }

    @Test func times() {
        #expect(Self.read(#"{"ts":1.5,"Time":"x","t":{"$date":"y"},"a":1}"#) == Read(attributes: ["a": "1"]))
        #expect(
            Self.read(#"{"t":{"$date":"y","z":1},"ts":true}"#)
                == Read(attributes: ["t.$date": "y", "t.z": "1", "ts": "true"]))
    }

    @Test func flattened() {
        #expect(
            Self.read(#"{"a":{"b":{"c":"d"},"e":[1, {"f" : " g "}]},"h":{}}"#)
                == Read(attributes: ["a.b.c": "d", "a.e": #"[1,{"f":" g "}]"#]))
        let deep = Self.read(#"{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":{"a": 1}}}}}}}}}}"#)
        #expect(deep?.attributes == ["1.2.3.4.5.6.7.8.9": #"{"a":1}"#])
    }

    @Test func escapes() {
        #expect(
            Self.read(#"{"msg":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d x\udc00"}"#)?.message
                == "\"\\/\u{08}\u{0C}\n\r\té😀\u{FFFD} x\u{FFFD}")
        #expect(Self.read(#"{"\u006dsg":"a"}"#)?.message == "a")
    }

    @Test func bounds() throws {
        let long = String(repeating: "é", count: 3000)
        #expect(Self.read("{\"a\":\"\(long)\"}")?.attributes["a"]?.utf8.count == 4096)
        #expect(Self.read("{\"a\":\"x\(long)\"}")?.attributes["a"]?.utf8.count == 4095)
        #expect(Self.read("{\"a\":[\"\(long)\"]}")?.attributes["a"]?.utf8.count == 4096)
        let many = (0..<200).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(Self.read("{\(many)}")?.attributes.count == 100)
        let tooMany = (0..<300).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(Self.read("{\(tooMany)}") == nil)
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(Self.read(nested(JSONCursor.deepest)) != nil)
        #expect(Self.read(nested(JSONCursor.deepest + 1)) == nil)
        #expect(Self.read(nested(10_000)) == nil)
    }

    @Test func traces() {
        let trace = "0af7651916cd43dd8448eb211c80319c"
        let span = "b7ad6b7169203331"
        let bytes = Array(trace.utf8)
        let id = TraceID(hexadecimal: bytes.span)
        for key in ["traceId", "trace_id", "trace-id", "trace.id", "@tr", "otel.TraceID", "dd.trace_id"] {
            #expect(Self.read("{\"\(key)\":\"\(trace)\"}") == Read(trace: id), "\(key)")
        }
        for key in ["spanId", "span_id", "span-id", "span.id", "@sp", "x.span.id"] {
            #expect(Self.read("{\"\(key)\":\"\(span)\"}")?.span?.value == 0xb7ad_6b71_6920_3331, "\(key)")
        }
        #expect(Self.read("{\"ctx\":{\"trace\":{\"id\":\"\(trace)\"}}}")?.trace == id)
        for (key, value) in [
            ("parent_span_id", span), ("mytraceid", trace), ("traceid", "xyz"),
            ("traceid", String(repeating: "0", count: 32)),
            ("spanid", trace),
        ] {
            #expect(Self.read("{\"\(key)\":\"\(value)\"}") == Read(attributes: [key: value]), "\(key)")
        }
        let other = String(trace.reversed())
        #expect(
            Self.read("{\"trace_id\":\"\(trace)\",\"traceid\":\"\(other)\"}")
                == Read(attributes: ["traceid": other], trace: id))
    }

    /// Texts made from pieces and broken at random: what is taken is what a complete parser takes, and the other way round within
    /// the bounds.
    @Test func agreesWithAnotherParser() throws {
        var random = SeededGenerator(3)
        func value(_ depth: Int) -> String {
            switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &random) {
            case 0: "\"\(["a", "", "\\n", "\\u00e9", "é", " x ", "\\\\"].randomElement(using: &random) ?? "")\""
            case 1: ["0", "-1", "1.5e3", "12E-2", "7"].randomElement(using: &random) ?? "0"
            case 2: "true"
            case 3: "null"
            case 4: "[]"
            case 5:
                "[" + (0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth + 1) }.joined(separator: ", ")
                    + "]"
            default: object(depth + 1)
            }
        }
        func object(_ depth: Int) -> String {
            "{"
                + (0..<Int.random(in: depth == 0 ? 1...4 : 0...3, using: &random)).map {
                    "\"k\($0)\" : \(value(depth))"
                }
                .joined(separator: ",") + "}"
        }
        var taken = 0
        for _ in 0..<5_000 {
            var bytes = Array(object(0).utf8)
            if Bool.random(using: &random) {
                for _ in 0..<Int.random(in: 1...2, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes.remove(at: place)
                    case 1: bytes[place] = Array("{}[]\",:0x\\ ".utf8).randomElement(using: &random) ?? 0
                    default: bytes.insert(Array("{}[]\",:1e.-\\ ".utf8).randomElement(using: &random) ?? 0, at: place)
                    }
                    if bytes.isEmpty { bytes = [0x7B] }
                }
            }
            var log = JSONLog()
            let mine = UTF8Text.isValid(bytes.span) && log.read(bytes.span)
            // The other one takes a comma before a closing brace.
            if String(decoding: bytes, as: UTF8.self).contains(/,\s*[}\]]/) { continue }
            let other = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            let isWhole = bytes.first == UInt8(ascii: "{") && bytes.last == UInt8(ascii: "}")
            #expect(mine == (isWhole && other?.isEmpty == false), "\(String(decoding: bytes, as: UTF8.self))")
            if mine { taken += 1 }
        }
        #expect(taken > 1_000 && taken < 4_900)
    }
}
