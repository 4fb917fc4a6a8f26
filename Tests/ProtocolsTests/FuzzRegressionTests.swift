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
            }
        }
    }

    @Test func `there are inputs`() {
        for target in [
            "conversation", "hpack", "dns-datagrams", "http1", "http2", "kafka", "nats", "rabbitmq", "zookeeper",
        ] {
            #expect(!Self.inputs(target).isEmpty, "\(target)")
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
