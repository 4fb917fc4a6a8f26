import Foundation
import TestSupport
import Testing

@testable import Protocols

/// What a fuzzer once found, and the corpus that it begins with.
@Suite struct FuzzRegressionTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzz")

    private static func inputs(_ target: String) -> [(name: String, bytes: [UInt8])] {
        ["Corpus", "Regressions"].flatMap { kind in
            let folder = root.appendingPathComponent("\(kind)/\(target)")
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.sorted().map { name in
                (name, (try? Data(contentsOf: folder.appendingPathComponent(name))).map { Array($0) } ?? [])
            }
        }
    }

    @Test(arguments: ApplicationProtocol.allCases.map(\.name) + ["conversation"])
    func `inputs of conversations`(target: String) {
        for input in Self.inputs(target) {
            for wantsText in [true, false] {
                let conversation = Conversation(
                    options: ParsingOptions(wantsText: wantsText), expected: ApplicationProtocol(name: target))
                let log = ExchangeLog()
                var time: UInt64 = 1
                for segment in SegmentScript(input.bytes).segments {
                    time += 1000
                    segment.bytes.withUnsafeBytes {
                        conversation.take(
                            RawSpan(_unsafeBytes: $0), from: segment.isServer ? .server : .client, at: time,
                            missing: segment.missing, tail: segment.tail, log)
                    }
                    if segment.givesUp { conversation.giveUp(before: time, at: time, log) }
                }
                conversation.giveUp(before: .max, at: time, log)
                #expect(!conversation.isWaiting, "\(target)/\(input.name)")
                for entry in log.entries {
                    for index in 0..<entry.text.count {
                        // The limit of a text, or twice that where it is joined of several.
                        let count = entry.text.withBytes(entry.text[index]) { $0.count }
                        #expect(count <= 2 * 1024 + 64, "\(target)/\(input.name)")
                    }
                }
            }
        }
    }

    @Test func `there are inputs`() {
        let others = ["conversation", "hpack", "dns-datagrams", "statement", "trace-headers"]
        for target in ApplicationProtocol.allCases.map(\.name) + others {
            #expect(!Self.inputs(target).isEmpty, "\(target)")
        }
    }

    @Test func `inputs of statements and headers`() {
        for input in Self.inputs("statement") {
            for applicationProtocol in ApplicationProtocol.allCases {
                let statement = Array(input.bytes.dropFirst())
                var shape = Array("(?, ".utf8)
                statement.withUnsafeBytes {
                    StatementObfuscator.obfuscate($0, of: applicationProtocol, into: &shape)
                }
                #expect(shape.starts(with: "(?, ".utf8) && shape.count - 4 <= statement.count + 1, "\(input.name)")
                var again: [UInt8] = []
                Array(shape[4...]).withUnsafeBytes {
                    StatementObfuscator.obfuscate($0, of: applicationProtocol, into: &again)
                }
                #expect(again.elementsEqual(shape[4...]), "\(input.name) of \(applicationProtocol)")
            }
        }
        for input in Self.inputs("trace-headers") {
            let names: [TraceHeaders.Name] = [.traceparent, .b3, .b3TraceID, .b3SpanID, .b3Sampled, .b3Flags]
            var headers = TraceHeaders()
            for line in input.bytes.split(separator: 0x0A) {
                Array(line.dropFirst()).withUnsafeBytes {
                    headers.take(names[Int(line[line.startIndex]) % names.count], RawSpan(_unsafeBytes: $0))
                }
                if let context = headers.context {
                    #expect(context.traceHigh | context.traceLow != 0 && context.parent != 0, "\(input.name)")
                }
            }
        }
    }

    @Test func `inputs of header blocks and datagrams`() {
        for input in Self.inputs("hpack") {
            var decoder = HPACKDecoder(wantsText: true, valueLimit: 256)
            for segment in SegmentScript(input.bytes).segments {
                if segment.missing > 0 { decoder.lose() }
                segment.bytes.withUnsafeBytes {
                    decoder.decode(RawSpan(_unsafeBytes: $0), isCut: segment.tail > 0) { _, _, _ in }
                }
            }
        }
        for input in Self.inputs("dns-datagrams") {
            var datagrams = DNSDatagrams(options: ParsingOptions(wantsText: true), limit: 8)
            let log = ExchangeLog()
            for segment in SegmentScript(input.bytes).segments {
                segment.bytes.withUnsafeBytes {
                    datagrams.take(
                        RawSpan(_unsafeBytes: $0), socket: UInt64(segment.missing % 4),
                        from: segment.isServer ? .server : .client, at: 1, log)
                }
            }
            datagrams.giveUp(before: .max, at: 1, log)
        }
    }
}
